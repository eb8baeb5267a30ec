"""How much each opinion weighs in a mixture."""

from typing import NamedTuple, Sequence

import numpy

WEIGHTS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
TEMPERATURES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6)
SWEEPS = 3


class Case(NamedTuple):
    """A gold label of a document, and those that it has to be told from.

    label (str): The gold label.
    column (int): Its column.
    logits (numpy.ndarray): What each opinion says about each of them, of shape
        (opinions, rivals).
    """

    label: str
    column: int
    logits: numpy.ndarray


def fit_weights(cases: Sequence[Case], *, n_free: int) -> numpy.ndarray:
    """Find the weights with the highest likelihood of the gold labels, each label
    counting the same, by trying one weight after the other.

    cases (Sequence[Case]): At least one.
    n_free (int): Opinions whose weight is fitted, the first ones. The others weigh 1.0.
    RETURNS (numpy.ndarray): Of shape (opinions,).
    """
    weights = numpy.ones(len(cases[0].logits))
    for _ in range(SWEEPS):
        for place in range(n_free):
            losses = []
            for value in WEIGHTS:
                weights[place] = value
                losses.append(_get_loss(cases, weights))
            weights[place] = WEIGHTS[int(numpy.argmin(losses))]
    return weights


def _get_loss(cases: Sequence[Case], weights: numpy.ndarray) -> float:
    """RETURNS (float): Nats per document, the mean over the labels' means, at the best
    temperature: how sure the weighted logits are must not decide how they are mixed.
    """
    labels, owners = numpy.unique([case.label for case in cases], return_inverse=True)
    counts = numpy.bincount(owners, minlength=len(labels))
    logits = [weights @ case.logits for case in cases]
    gaps = [z - z[case.column] for z, case in zip(logits, cases)]
    lengths = numpy.asarray([len(gap) for gap in gaps])
    starts = numpy.cumsum(lengths) - lengths
    flat = numpy.concatenate(gaps)
    losses = []
    for temperature in TEMPERATURES:
        exps = numpy.exp(numpy.minimum(flat / temperature, 700.0))
        nats = numpy.log(numpy.add.reduceat(exps, starts))
        losses.append((numpy.bincount(owners, weights=nats) / counts).mean())
    return float(min(losses))
