from .tune import tune, tune_pipeline
from .wish import Wish

__all__ = ["Wish", "tune", "tune_pipeline"]
