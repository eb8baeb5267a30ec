from ..tables.columns import Columns
from .convert import convert_corpus
from .summary import Conversion

__all__ = ["Columns", "Conversion", "convert_corpus"]
