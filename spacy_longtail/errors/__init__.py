"""Every message, with its code."""

from .errors import Errors
from .warnings import Warnings

__all__ = ["Errors", "Warnings"]
