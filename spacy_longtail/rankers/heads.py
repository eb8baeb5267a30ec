from typing import NamedTuple, Sequence, Tuple

import numpy

from ..ops import mean_by_class, softmax, unit_rows
from ..products import multiply_matrices

SCALE = 20.0
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
TEMPERATURES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
N_FOLDS = 3
MIN_HELD_OUT = 20
# Margins to try, and what their mean F-scores may differ by and be as good.
MARGINS, TOLERANCE = numpy.arange(51) / 100, 0.002
# Documents that they are tried on, and how many at a time.
MAX_JUDGED, BATCH_SIZE = 4096, 256
# Weights of shape (labels, width) and biases of shape (labels,), 32 bits.
HeadsT = Tuple[numpy.ndarray, numpy.ndarray]


class HeadSettings(NamedTuple):
    """How heads are trained, see make_prototype_ranker."""

    kappa: float
    epochs: int
    learn_rate: float
    l2sp: float


class Kept(NamedTuple):
    """Vectors of the documents that are kept of each label.

    X (numpy.ndarray): Unit vectors of shape (kept, width).
    owners (numpy.ndarray): The label of each, ascending, of shape (kept,).
    names (numpy.ndarray): Unit vectors of the labels' names, (labels, width).
    """

    X: numpy.ndarray
    owners: numpy.ndarray
    names: numpy.ndarray

    def select(self, mask: numpy.ndarray) -> "Kept":
        return Kept(self.X[mask], self.owners[mask], self.names)

    @property
    def counts(self) -> numpy.ndarray:
        return numpy.bincount(self.owners, minlength=len(self.names))

    @property
    def sums(self) -> numpy.ndarray:
        sums = numpy.zeros(self.names.shape, dtype="float64")
        numpy.add.at(sums, self.owners, self.X)
        return sums

    def get_prototypes(self, kappa: float) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Unit vectors of shape (labels, width)."""
        prototypes = mean_by_class(self.sums, self.counts, self.names, kappa)
        return prototypes.astype("float32")


def train_heads(
    kept: Kept, groups: Sequence[numpy.ndarray], settings: HeadSettings
) -> HeadsT:
    """Learn to tell the labels of each group apart.

    A softmax per group with the log counts added in training, started at the
    prototypes, pulled towards them; names are training documents too. All documents
    are one batch, so the result is the same every time.

    groups (Sequence[numpy.ndarray]): Labels that compete with each other.
    RETURNS (HeadsT): Without epochs, the prototypes.

    Source: Menon et al. (2021), "Long-tail learning via logit adjustment", equation
        10; Adam after Kingma & Ba (2015); L2-SP after Li et al. (2018).
    """
    W = kept.get_prototypes(settings.kappa) * SCALE
    b = numpy.zeros(len(W), dtype="float32")
    for members in groups:
        if settings.epochs and len(members) > 1:
            W[members], b[members] = _train_head(kept, members, W[members], settings)
    return W, b


def _train_head(
    kept: Kept, members: numpy.ndarray, start: numpy.ndarray, settings: HeadSettings
) -> HeadsT:
    inside = numpy.isin(kept.owners, members)
    X = numpy.concatenate([kept.X[inside], kept.names[members]])
    owners = numpy.concatenate([kept.owners[inside], members])
    rows, columns = numpy.arange(len(X)), numpy.searchsorted(members, owners)
    log_counts = numpy.log(numpy.maximum(kept.counts[members], 0.5))
    # The bias is the weight of a feature that is always 1.
    X = numpy.pad(X, ((0, 0), (0, 1)), constant_values=1.0).astype("float64")
    W0 = numpy.pad(start, ((0, 0), (0, 1))).astype("float64")
    W, M, V = W0.copy(), numpy.zeros_like(W0), numpy.zeros_like(W0)
    for step in range(1, settings.epochs + 1):
        d_logits = softmax(multiply_matrices(X, W.T) + log_counts)
        d_logits[rows, columns] -= 1.0
        dW = multiply_matrices(d_logits.T, X) / len(X)
        dW += 2.0 * settings.l2sp * (W - W0)
        M = BETA1 * M + (1 - BETA1) * dW
        V = BETA2 * V + (1 - BETA2) * dW * dW
        rate = SCALE * settings.learn_rate * (1.0 - (step - 1) / settings.epochs)
        moved = M / (1 - BETA1**step)
        W -= rate * moved / (numpy.sqrt(V / (1 - BETA2**step)) + EPSILON)
    return W[:, :-1].astype("float32"), W[:, -1].astype("float32")


def fit_head_temperature(
    kept: Kept, groups: Sequence[numpy.ndarray], settings: HeadSettings
) -> float:
    """Find what to divide the logits of heads by, so that they are log odds.

    Each third of the kept documents is judged by heads that were trained without it.

    RETURNS (float): The temperature with the highest likelihood; 1.0 where there
        are too few documents to tell.
    """
    grouped = [m for m in groups if len(m) > 1]
    if not grouped or not numpy.isin(kept.owners, numpy.concatenate(grouped)).any():
        return 1.0
    firsts = numpy.searchsorted(kept.owners, kept.owners)
    folds = (numpy.arange(len(kept.owners)) - firsts + kept.owners) % N_FOLDS
    losses, n_held_out = numpy.zeros(len(TEMPERATURES)), 0
    for fold in range(N_FOLDS):
        W, b = train_heads(kept.select(folds != fold), grouped, settings)
        held_out = kept.select(folds == fold)
        for members in grouped:
            part = held_out.select(numpy.isin(held_out.owners, members))
            logits = multiply_matrices(part.X, W[members].T) + b[members]
            columns = numpy.searchsorted(members, part.owners)
            n_held_out += len(columns)
            for i, temperature in enumerate(TEMPERATURES):
                P = softmax(logits / temperature)[numpy.arange(len(columns)), columns]
                losses[i] -= numpy.log(numpy.maximum(P, 1e-12)).sum()
    return TEMPERATURES[int(losses.argmin())] if n_held_out >= MIN_HELD_OUT else 1.0


def fit_margin(kept: Kept, kappa: float) -> float:
    """Find what to add to the cosine of a label that is known by its name alone, before
    it is compared with those of labels from training.

    It is what would have been best for the labels from training, had each in turn been
    known by its name alone. All labels weigh the same, as documents of each are drawn.

    RETURNS (float): The margin with the highest mean F-score over labels with at least
        two documents, the middle one of those that are as good; 0.0 without any.
    """
    counts, sums = kept.counts, kept.sums
    if not (counts > 1).any():
        return 0.0
    judged = numpy.unique(numpy.linspace(0, len(kept.X) - 1, MAX_JUDGED, dtype="int64"))
    n_judged = numpy.bincount(kept.owners[judged], minlength=len(counts))
    known = kept.get_prototypes(kappa)
    hits = numpy.zeros((len(counts), len(MARGINS)))
    taken = hits.copy()
    for start in range(0, len(judged), BATCH_SIZE):
        rows = judged[start : start + BATCH_SIZE]
        X, owners = kept.X[rows], kept.owners[rows]
        # The document itself isn't in the prototype that it is compared with.
        rest = unit_rows(sums[owners] - X + kappa * kept.names[owners])
        steps = _count_steps(X, owners, known, rest, kept.names)
        docs, labels = numpy.nonzero(steps < len(MARGINS))
        places, weights = steps[docs, labels], 1 / n_judged[owners[docs]]
        numpy.add.at(taken, (labels, places), weights)
        is_own = owners[docs] == labels
        numpy.add.at(hits, (labels[is_own], places[is_own]), weights[is_own])
    # What a margin takes, every larger one takes too.
    hits, taken = hits.cumsum(axis=1), taken.cumsum(axis=1)
    F = (2 * hits / (taken + 1))[(counts > 1) & (n_judged > 0)].mean(axis=0)
    best = numpy.flatnonzero(F >= F.max() - TOLERANCE)
    return float(MARGINS[best[len(best) // 2]])


def _count_steps(
    X: numpy.ndarray,
    owners: numpy.ndarray,
    known: numpy.ndarray,
    rest: numpy.ndarray,
    names: numpy.ndarray,
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The place of the first of MARGINS with which each name
    is closer to a document than all prototypes but its own, (documents, labels).
    """
    n = numpy.arange(len(X))
    cosines, named = (multiply_matrices(X, Y.T) for Y in (known, names))
    cosines[n, owners] = (rest * X).sum(axis=1)
    gaps = cosines.max(axis=1, keepdims=True) - named
    cosines[n, owners] = -1.0
    gaps[n, owners] = cosines.max(axis=1) - named[n, owners]
    return numpy.searchsorted(MARGINS, gaps, side="right")
