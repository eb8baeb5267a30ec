from typing import Callable, Dict, List, Sequence

import numpy
from spacy.tokens import Doc

from ..ops import mean_by_class, unit_rows
from ..taxonomy import Taxonomy
from .gold import LabelCounts

EncodeT = Callable[[List[Doc]], numpy.ndarray]


class ClassSums:
    """Adds up the vectors of the documents of each label.

    counts (Dict[str, int]): Documents of each label.
    n_docs (int): Documents, with a label or known to have none.
    """

    def __init__(self) -> None:
        self.n_docs = 0
        self.index: Dict[str, int] = {}
        self.counts: Dict[str, int] = {}
        self._sums = numpy.zeros((0, 0), dtype="float64")

    def add(self, labels: Sequence[str], X: numpy.ndarray) -> None:
        """Add documents.

        labels (Sequence[str]): The label of each.
        X (numpy.ndarray): Their vectors, of shape (docs, width).
        """
        for label in labels:
            self.counts[label] = self.counts.get(label, 0) + 1
            self.index.setdefault(label, len(self.index))
        n_rows = len(self._sums)
        if len(self.index) > n_rows:
            size = max(64, 2 * n_rows, len(self.index))
            grown = numpy.zeros((size, X.shape[1]), dtype="float64")
            grown[:n_rows] = self._sums.reshape((n_rows, X.shape[1]))
            self._sums = grown
        numpy.add.at(self._sums, [self.index[label] for label in labels], unit_rows(X))

    def set_counts(self, given: LabelCounts) -> None:
        """Keep the given labels only, with their given counts, if there are any."""
        found = self.counts
        self.counts = given.counts or {n: found.get(n, 0) for n in given.names}
        if given.counts is not None and given.n_docs is not None:
            self.n_docs = given.n_docs

    def get(self, labels: Sequence[str]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Sum of each label's unit vectors, (labels, width);
        zeros for a label without documents.
        """
        sums = numpy.zeros((len(labels), self._sums.shape[1]), dtype="float64")
        known = [row for row, label in enumerate(labels) if label in self.index]
        sums[known] = self._sums[[self.index[labels[row]] for row in known]]
        return sums


def get_name_vectors(docs: List[List[Doc]], encode: EncodeT) -> numpy.ndarray:
    """Encode what labels are called: unit(name) + unit(description), normalized.

    docs (List[List[Doc]]): For each label its name and, if any, its description.
    RETURNS (numpy.ndarray): Unit vectors of shape (labels, width).
    """
    owners = [row for row, group in enumerate(docs) for _ in group]
    X = unit_rows(encode([doc for group in docs for doc in group]))
    vectors = numpy.zeros((len(docs), X.shape[1]), dtype=X.dtype)
    numpy.add.at(vectors, owners, X)
    return unit_rows(vectors)


def get_prototypes(
    taxonomy: Taxonomy, sums: ClassSums, names: numpy.ndarray, kappa: float
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Unit vectors of shape (leaves, width), the mean of each
    leaf's documents shrunk towards its name.
    """
    counts = numpy.asarray([sums.counts.get(leaf, 0) for leaf in taxonomy.leaves])
    prototypes = mean_by_class(sums.get(taxonomy.leaves), counts, names, kappa)
    return prototypes.astype("float32")
