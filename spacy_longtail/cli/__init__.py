"""The commands of `python -m spacy longtail`. spaCy imports this module, through the
entry point in setup.cfg, whenever one of its commands runs: what is heavy is imported
inside the functions.
"""

from . import (  # noqa: F401
    audit,
    convert,
    distill,
    explain,
    init_config,
    monitor,
    package,
    predict,
    report,
    start,
    suggest,
    tune,
    update,
)
from .command import longtail

__all__ = ["longtail"]
