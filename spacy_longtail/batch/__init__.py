from .classifier import BatchClassifier, classify, load_classifier, read_version
from .columns import BatchOptions
from .predict import Predicted, predict

__all__ = [
    "BatchClassifier",
    "BatchOptions",
    "Predicted",
    "classify",
    "load_classifier",
    "predict",
    "read_version",
]
