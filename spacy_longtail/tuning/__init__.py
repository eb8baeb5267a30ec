from .settings import Wish
from .tune import tune

__all__ = ["Wish", "tune"]
