from .drift import Drift
from .monitor import monitor

__all__ = ["Drift", "monitor"]
