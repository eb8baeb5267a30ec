from typing import List, NamedTuple

import numpy

WEIGHTS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
TEMPERATURES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6)
SWEEPS = 3


class Case(NamedTuple):
    """A gold label of a document, in an Other that was ranked.

    label (str): The gold label.
    column (int): Its column.
    logits (numpy.ndarray): Of shape (1 + rankers, rivals): the log of the first
        stage's probabilities, then each ranker's scores.
    """

    label: str
    column: int
    logits: numpy.ndarray


def fit_weights(cases: List[Case], *, is_free: bool) -> numpy.ndarray:
    """Find the weights with the highest likelihood of the gold labels, each label
    counting the same: try one weight after the other.

    is_free (bool): Whether the rankers' weights can be changed, too. The first is that
        of the first stage's own probabilities.
    RETURNS (numpy.ndarray): Of shape (1 + rankers,), the first is the mixture's.
    """
    weights = numpy.ones(len(cases[0].logits))
    places = range(len(weights) if is_free else 1)
    for _ in range(SWEEPS):
        for place in places:
            losses = []
            for value in WEIGHTS:
                weights[place] = value
                losses.append(get_mixture_loss(cases, weights))
            weights[place] = WEIGHTS[int(numpy.argmin(losses))]
    return weights


def get_mixture_loss(cases: List[Case], weights: numpy.ndarray) -> float:
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
