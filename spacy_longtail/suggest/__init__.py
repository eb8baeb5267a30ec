from .suggest import Suggestions, suggest

__all__ = ["Suggestions", "suggest"]
