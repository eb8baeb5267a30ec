from .audit import audit_corpus
from .facts import Audit
from .validation import CrossValidation, Suspect, write_suspects

__all__ = ["Audit", "CrossValidation", "Suspect", "audit_corpus", "write_suspects"]
