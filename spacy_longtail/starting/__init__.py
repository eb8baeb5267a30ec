from .code_list import ListColumns
from .start import Started, start_pipeline

__all__ = ["ListColumns", "Started", "start_pipeline"]
