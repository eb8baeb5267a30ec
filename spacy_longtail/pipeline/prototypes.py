from typing import Callable, Dict, List, Mapping, Sequence

import numpy
from spacy.tokens import Doc

from ..ops import mean_by_class, unit_rows
from ..taxonomy import Taxonomy

EncodeT = Callable[[List[Doc]], numpy.ndarray]


class ClassSums:
    """Adds up the vectors of the documents of each label."""

    def __init__(self) -> None:
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

    def get(self, labels: Sequence[str]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Sum of each label's unit vectors, (labels, width);
        zeros for a label without documents.
        """
        sums = numpy.zeros((len(labels), self._sums.shape[1]), dtype="float64")
        known = [row for row, label in enumerate(labels) if label in self.index]
        sums[known] = self._sums[[self.index[labels[row]] for row in known]]
        return sums


def get_label_name(label: str, separator: str) -> str:
    """RETURNS (str): The last segment as words: "a/lost_card" gives "lost card"."""
    name = label.rpartition(separator)[2]
    return name.replace("_", " ").replace("-", " ").strip()


def get_name_vectors(
    taxonomy: Taxonomy,
    descriptions: Mapping[str, str],
    make_doc: Callable[[str], Doc],
    encode: EncodeT,
) -> numpy.ndarray:
    """Encode what the leaves are called: unit(name) + unit(description), normalized.

    RETURNS (numpy.ndarray): Unit vectors of shape (leaves, width).
    """
    leaves = taxonomy.leaves
    names = [make_doc(get_label_name(leaf, taxonomy.separator)) for leaf in leaves]
    vectors = unit_rows(encode(names))
    described = [row for row, leaf in enumerate(leaves) if leaf in descriptions]
    if described:
        docs = [make_doc(descriptions[leaves[row]]) for row in described]
        vectors[described] += unit_rows(encode(docs))
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
