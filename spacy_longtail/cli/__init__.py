"""The commands of `python -m spacy longtail`. spaCy imports this module, through the
entry point in setup.cfg, whenever one of its commands runs: what is heavy is imported
inside the functions.
"""

from . import distill
from .group import longtail

__all__ = ["distill", "longtail"]
