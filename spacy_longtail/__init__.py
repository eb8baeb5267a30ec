"""Long-tailed, hierarchical text classification for spaCy."""

from .pipeline.decision import register_extension

__version__ = "0.1.0"

# A saved Doc tells its decision without the pipeline that made it.
register_extension()
