"""Every message, with its code."""

from .errors import Errors
from .jobs import JobErrors
from .warnings import Warnings

__all__ = ["Errors", "JobErrors", "Warnings"]
