from ..tables.columns import Columns
from .convert import Conversion, convert_corpus

__all__ = ["Columns", "Conversion", "convert_corpus"]
