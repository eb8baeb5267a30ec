"""Long-tailed, hierarchical text classification for spaCy."""

__version__ = "0.1.0"
