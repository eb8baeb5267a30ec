from ..tables.columns import Columns
from .add import add_to_corpus
from .addition import Addition
from .convert import Conversion, convert_corpus

__all__ = ["Addition", "Columns", "Conversion", "add_to_corpus", "convert_corpus"]
