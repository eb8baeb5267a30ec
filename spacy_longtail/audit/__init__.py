from .audit import audit_corpus
from .facts import Audit

__all__ = ["Audit", "audit_corpus"]
