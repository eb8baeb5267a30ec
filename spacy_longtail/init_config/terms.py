"""When the terms of a text say more than its vector."""

from typing import Any, Dict, List, Tuple

from ..audit import Audit
from ..audit.advice import knows_few_words

RIDGE, SVM = "spacy-longtail.TermRidge.v1", "spacy-longtail.TermSVM.v1"
# More make them slow to fit, and the trained part knows more than they do then.
MAX_DOCS = 8000
# Their share of the logits, and that where the vectors know little.
SHARE, LARGE_SHARE = 0.5, 0.7
# The same where a document has one label: documents times labels; the share is tuned.
MAX_PAIRS, MAX_SVM_DOCS = 8_000_000, 50_000
# Of fewer documents a label, on average, prototypes and names say more.
MIN_PER_LABEL = 4
SVM_SHARE = 0.2


def choose_terms(facts: Audit, model: Dict[str, Any]) -> List[Tuple[str, Any, str]]:
    """Choose a linear model of words and character n-grams beside the vectors.

    model (Dict[str, Any]): Block of the model in a template.
    RETURNS (List[Tuple[str, Any, str]]): Key, value and reason of what is set in
        that block, empty for nothing.
    """
    if "terms" not in model:
        return []
    choose = _choose_ridge if facts.max_labels > 1 else _choose_svm
    return choose(facts)


def _choose_ridge(facts: Audit) -> List[Tuple[str, Any, str]]:
    """On four corpora with several labels a document, 62 to 1,063 of them, it made each
    better.
    """
    if facts.n_docs > MAX_DOCS:
        return []
    share = LARGE_SHARE if knows_few_words(facts) else SHARE
    reason = (
        f"Words and n-grams of {facts.n_docs:,} documents, by a ridge regression for "
        f"each of {facts.n_labels:,} labels. Larger shares trust the vectors less."
    )
    value = {"@architectures": RIDGE, "share": share, "max_docs": MAX_DOCS}
    return [("terms", value, reason)]


def _choose_svm(facts: Audit) -> List[Tuple[str, Any, str]]:
    """It helps where there are many words that the vectors don't know, and more so
    where gold labels are in doubt. How much is for `tune` to find out.
    """
    n_pairs = facts.n_docs * facts.n_labels
    is_small = n_pairs <= MAX_PAIRS and facts.n_docs <= MAX_SVM_DOCS
    is_learnable = facts.n_docs >= MIN_PER_LABEL * facts.n_labels
    if not (knows_few_words(facts) and is_small and is_learnable):
        return []
    reason = (
        f"Words and n-grams of {facts.n_docs:,} documents, by a support vector machine "
        f"for each of {facts.n_labels:,} labels. 'tune' finds the best share."
    )
    return [("terms", {"@architectures": SVM, "share": SVM_SHARE}, reason)]
