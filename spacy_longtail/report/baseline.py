"""A linear model on TF-IDF, the first thing to try: how hard is this corpus?"""

from typing import Any, Iterable, List, Sequence, Tuple

import numpy
from spacy.training import Example

from ..errors import JobErrors
from ..gold import find_leaves
from ..taxonomy import Taxonomy
from .other import OtherSystem

NAME = "a balanced LinearSVC"


def fit_baseline(
    train: Iterable[Example],
    texts: Sequence[str],
    several: bool,
    taxonomy: Taxonomy,
    *,
    seed: int = 0,
) -> OtherSystem:
    """Train a balanced linear SVM on TF-IDF of words, pairs of words and parts of
    words, and let it give labels: the best one, or all that it holds for right.

    train (Iterable[Example]): With gold labels.
    texts (Sequence[str]): What gets labels.
    several (bool): Whether a document can have several labels.
    taxonomy (Taxonomy): Its labels are meant, where a text has others besides.
    RETURNS (OtherSystem): Its labels, by the order of the texts.
    RAISES (ValueError): L761 without scikit-learn, L765 with fewer than two labels.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.pipeline import make_union
        from sklearn.svm import LinearSVC
    except ImportError:
        raise ValueError(JobErrors.L761) from None
    known, golds = _read_gold(train, taxonomy, several)
    names = sorted({label for gold in golds for label in gold})
    if len(names) < 2:
        raise ValueError(JobErrors.L765.format(n=len(names), n_docs=len(golds)))
    # With a model a label, what takes seconds instead of hours.
    few: Any = {"min_df": 2, "max_features": 60000} if several else {}
    few["sublinear_tf"] = True
    vectorizer = make_union(
        TfidfVectorizer(ngram_range=(1, 2), **few),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **few),
    )
    X, new = vectorizer.fit_transform(known), vectorizer.transform(texts)
    model: Any = LinearSVC(class_weight="balanced", random_state=seed)
    if not several:
        model.fit(X, [gold[0] for gold in golds])
        return OtherSystem(
            NAME, [[str(label)] for label in model.predict(new)], set(names)
        )
    model = OneVsRestClassifier(model)
    truths = numpy.zeros((len(golds), len(names)), dtype="int8")
    index = {label: column for column, label in enumerate(names)}
    for row, gold in enumerate(golds):
        truths[row, [index[label] for label in gold]] = 1
    model.fit(X, truths)
    given: List[List[str]] = [[] for _ in texts]
    for row, column in zip(*model.predict(new).nonzero()):
        given[row].append(names[column])
    return OtherSystem(NAME, given, set(names))


def _read_gold(
    train: Iterable[Example], taxonomy: Taxonomy, several: bool
) -> Tuple[List[str], List[List[str]]]:
    """RETURNS (Tuple[List[str], List[List[str]]]): Texts and their labels."""
    texts, golds = [], []
    for example in train:
        cats = example.reference.cats
        positive = [label for label, value in cats.items() if value > 0]
        own = [label for label in positive if label in taxonomy.ranges]
        labels = find_leaves(own or positive, taxonomy.separator)
        if labels or (several and cats):
            texts.append(example.reference.text)
            golds.append(labels if several else labels[:1])
    return texts, golds
