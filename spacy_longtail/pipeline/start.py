from collections import Counter
from typing import Callable, Dict, Iterable, List, Optional, Sequence

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from tqdm import tqdm

from ..errors import Errors
from ..gold import LabelCounts
from ..ops import mean_by_class, sigmoid, unit_rows
from ..taxonomy import Taxonomy
from .encoding import EncodeT
from .trained import TrainingTexts

BATCH_SIZE = 256
N_STEPS = 60
TOLERANCE = 1e-9
# Labels whose biases are fitted together: what fits into the cache of a processor.
N_COLUMNS = 128
# Labels whose vectors are in one array, and whose prototypes are made together.
N_ROWS = 1024


class ClassSums:
    """Adds up the vectors of the documents of each label.

    counts (Dict[str, int]): Documents of each label.
    n_docs (int): Documents, with a label or known to have none.
    n_foreign (int): Documents that have gold labels, but none of the component's.
    foreign (Counter[str]): How often they have each.
    sample (VectorSample): Some of the documents' vectors.
    texts (TrainingTexts): Their texts.
    examples (List[Example]): The first of them, as many as were wished and one more.
    """

    def __init__(self, sample_size: int = 0) -> None:
        self.examples: List[Example] = []
        self.n_docs = 0
        self.sample = VectorSample(sample_size)
        self.texts = TrainingTexts()
        self.counts: Dict[str, int] = {}
        self.n_foreign = 0
        self.foreign: "Counter[str]" = Counter()
        # The row of each label, and the rows, so many in an array.
        self._rows: Dict[str, int] = {}
        self._blocks: List[numpy.ndarray] = []

    def add(self, labels: Sequence[str], X: numpy.ndarray) -> None:
        """Add documents with a label and a vector each, X of shape (docs, width)."""
        for label in labels:
            self.counts[label] = self.counts.get(label, 0) + 1
            self._rows.setdefault(label, len(self._rows))
        while len(self._blocks) * N_ROWS < len(self._rows):
            self._blocks.append(numpy.zeros((N_ROWS, X.shape[1])))
        for label, vector in zip(labels, unit_rows(X)):
            block, row = divmod(self._rows[label], N_ROWS)
            self._blocks[block][row] += vector

    def set_counts(self, given: LabelCounts) -> None:
        """Keep the given labels only, with their given counts, if there are any."""
        found = self.counts
        self.counts = given.counts or {n: found.get(n, 0) for n in given.names}
        if given.counts is not None and given.n_docs is not None:
            self.n_docs = given.n_docs

    def get(self, labels: Sequence[str], width: int) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Sum of each label's unit vectors, (labels, width);
        zeros for a label without documents.
        """
        found = numpy.zeros((len(labels), width))
        for i, label in enumerate(labels):
            if label in self._rows:
                block, row = divmod(self._rows[label], N_ROWS)
                found[i] = self._blocks[block][row]
        return found


def count_and_sum(
    examples: Iterable[Example],
    encode: EncodeT,
    get_gold: Callable[[Example, int], Optional[List[str]]],
    *,
    name: str,
    sample_size: int = 0,
    n_examples: int = 0,
    find_foreign: Callable[[Example], List[str]] = lambda example: [],
) -> ClassSums:
    """Go through the corpus once, count its labels and add up their documents. Shows
    the progress on a terminal when it takes more than a few seconds.

    get_gold (Callable[[Example, int], Optional[List[str]]]): The labels of a document,
        by its number; None for one that isn't annotated.
    name (str): Name of the component, for messages.
    sample_size (int): How many of the documents' vectors to keep.
    n_examples (int): How many of the documents to keep, and one more. 0 for none.
    find_foreign (Callable[[Example], List[str]]): The labels of a document that has
        none of the component's.
    RAISES (ValueError): L311 for vectors that aren't finite, and gold errors.
    """
    sums = ClassSums(sample_size)
    with tqdm(
        desc=f"{name}: prototypes", unit=" docs", delay=3, leave=False, disable=None
    ) as progress:
        for batch in minibatch(enumerate(examples), BATCH_SIZE):
            read = [(eg, get_gold(eg, number)) for number, eg in batch]
            pairs = [(eg, labels) for eg, labels in read if labels is not None]
            for foreign in filter(None, (find_foreign(eg) for _, eg in batch)):
                sums.n_foreign += 1
                sums.foreign.update(foreign)
            sums.n_docs += len(pairs)
            if pairs:
                docs = [eg.predicted for eg, _ in pairs]
                if len(sums.examples) <= n_examples > 0:
                    sums.examples.extend(eg for eg, _ in pairs)
                X = encode(docs)
                check_finite(docs, X, name)
                sums.sample.add(X)
                sums.texts.add([eg for eg, _ in pairs])
                owners = [row for row, (_, found) in enumerate(pairs) for _ in found]
                sums.add([label for _, found in pairs for label in found], X[owners])
            progress.update(len(batch))
    return sums


def check_finite(docs: List[Doc], values: numpy.ndarray, name: str) -> None:
    """Check what a model makes of documents, an array of shape (docs, columns).

    RAISES (ValueError): L311 with the text of the first that isn't finite.
    """
    with numpy.errstate(all="ignore"):
        # Faster than to look at each, and if it's finite, so are they.
        if numpy.isfinite(values.sum(axis=1)).all():
            return
    bad = numpy.flatnonzero(~numpy.isfinite(values).all(axis=1))
    if len(bad):
        text = docs[bad[0]].text[:60]
        raise ValueError(Errors.L311.format(name=name, text=text))


def get_name_vectors(docs: List[List[Doc]], encode: EncodeT) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): What each label is called, unit(name) +
    unit(description), as unit vectors of shape (labels, width).
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
    leaves, prototypes = taxonomy.leaves, numpy.zeros(names.shape, dtype="float32")
    counts = numpy.asarray([sums.counts.get(leaf, 0) for leaf in leaves])
    # Sums are in double precision, so that they are large for many labels.
    for start in range(0, len(leaves), N_ROWS):
        part = slice(start, start + N_ROWS)
        found = sums.get(leaves[part], names.shape[1])
        prototypes[part] = mean_by_class(found, counts[part], names[part], kappa)
    return prototypes


class VectorSample:
    """Keeps a random sample of the vectors that an encoder makes, of the given size."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.n_seen = 0
        # A generator of its own, so that those of training stay as they are.
        self._random = numpy.random.RandomState(0)
        self._rows: List[numpy.ndarray] = []

    def add(self, X: numpy.ndarray) -> None:
        """Sample from more vectors, of shape (docs, width).

        Source: algorithm R of Vitter (1985), "Random Sampling with a Reservoir".
        """
        if not self.size:
            return
        for row in X:
            self.n_seen += 1
            # Copies, or each would keep its whole batch.
            if len(self._rows) < self.size:
                self._rows.append(row.copy())
            else:
                place = self._random.randint(self.n_seen)
                if place < self.size:
                    self._rows[place] = row.copy()

    def get(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Array of shape (docs, width)."""
        return numpy.stack(self._rows) if self._rows else numpy.zeros((0, 0))


def fit_bias(logits: numpy.ndarray, log_odds: numpy.ndarray) -> numpy.ndarray:
    """Find what has to be added to logits so that the mean probability of each label is
    its prior.

    logits (numpy.ndarray): Of some documents, array of shape (docs, leaves).
    log_odds (numpy.ndarray): Log odds of the prior, of shape (leaves,).
    RETURNS (numpy.ndarray): Array of shape (leaves,). Zeros without documents.
    """
    if not len(logits):
        return numpy.zeros(len(log_odds))
    starts = range(0, len(log_odds), N_COLUMNS)
    parts = [slice(start, start + N_COLUMNS) for start in starts]
    return numpy.concatenate([_solve(logits[:, p], log_odds[p]) for p in parts])


def _solve(logits: numpy.ndarray, log_odds: numpy.ndarray) -> numpy.ndarray:
    """Find biases by Newton's method, on the log odds of the mean, which are nearly
    linear in the bias. Where it leaves the interval in which the bias has to be, the
    interval is halved.
    """
    low, high = log_odds - logits.max(axis=0), log_odds - logits.min(axis=0)
    bias, left, Z = numpy.clip(0.0, low, high), slice(None), logits.astype("float64")
    for _ in range(N_STEPS):
        P = sigmoid(Z + bias[left])
        means = P.mean(axis=0)
        with numpy.errstate(all="ignore"):
            gaps = numpy.log(means) - numpy.log1p(-means) - log_odds[left]
            slopes = (P * (1.0 - P)).mean(axis=0) / (means * (1.0 - means))
            found = bias[left] - gaps / slopes
        low[left] = numpy.where(gaps < 0, bias[left], low[left])
        high[left] = numpy.where(gaps < 0, high[left], bias[left])
        is_inside = (found >= low[left]) & (found <= high[left])
        found = numpy.where(is_inside, found, (low[left] + high[left]) / 2.0)
        is_moving = numpy.abs(found - bias[left]) > TOLERANCE
        bias[left] = found
        if not is_moving.any():
            break
        left, Z = numpy.arange(len(bias))[left][is_moving], Z[:, is_moving]
    return bias
