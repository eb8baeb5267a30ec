from .classifier import BatchClassifier, classify, load_classifier, read_version
from .columns import BatchOptions

__all__ = [
    "BatchClassifier",
    "BatchOptions",
    "classify",
    "load_classifier",
    "read_version",
]
