from .result import Update
from .update import train_on, update_pipeline

__all__ = ["Update", "train_on", "update_pipeline"]
