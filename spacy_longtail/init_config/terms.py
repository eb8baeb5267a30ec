"""When the terms of a text say more than its vector."""

from typing import Any, Dict, List, Tuple

from ..audit import Audit
from ..audit.advice import knows_few_words

ARCHITECTURE = "spacy-longtail.TermRidge.v1"
# More make them slow to fit, and the trained part knows more than they do then.
MAX_DOCS = 8000
# Their share of the logits, and that where the vectors know little.
SHARE, LARGE_SHARE = 0.5, 0.7


def choose_terms(facts: Audit, model: Dict[str, Any]) -> List[Tuple[str, Any, str]]:
    """Choose a linear model of words and character n-grams beside the vectors, where a
    document can have several labels. On four corpora of this kind, with 62 to 1,063
    labels, it made each better.

    model (Dict[str, Any]): Block of the model in a template.
    RETURNS (List[Tuple[str, Any, str]]): Key, value and reason of what is set in
        that block, empty for nothing.
    """
    if "terms" not in model or facts.max_labels == 1 or facts.n_docs > MAX_DOCS:
        return []
    share = LARGE_SHARE if knows_few_words(facts) else SHARE
    reason = (
        f"Words and n-grams of {facts.n_docs:,} documents, by a ridge regression for "
        f"each of {facts.n_labels:,} labels. Larger shares trust the vectors less."
    )
    value = {"@architectures": ARCHITECTURE, "share": share, "max_docs": MAX_DOCS}
    return [("terms", value, reason)]
