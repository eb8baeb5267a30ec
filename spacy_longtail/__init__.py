"""Long-tailed, hierarchical text classification for spaCy."""

from .messages import remember_functions
from .pipeline.decision import register_extension

__version__ = "0.1.0"

# A saved Doc tells its decision without the pipeline that made it.
register_extension()
# A Doc goes to another process in a tenth of the time.
remember_functions()
