from typing import Sequence

import numpy

from ..errors import Errors
from ..ops import ODD, mix

TRAIN, DEV, TEST = range(3)


def check_shares(dev: float, test: float) -> None:
    """RAISES (ValueError): L623 if what is left for training isn't a share."""
    if not (dev >= 0.0 and test >= 0.0 and dev + test < 1.0):
        raise ValueError(Errors.L623.format(dev=dev, test=test))


def allot(
    hashes: numpy.ndarray, shares: Sequence[float], *, seed: int
) -> numpy.ndarray:
    """Decide for each text by itself which split it belongs to, so that it stays there
    whatever texts are added.

    Dev and test are at opposite ends, so that another share of one leaves the other as
    it is, and a smaller share is a part of a larger one.

    hashes (numpy.ndarray): Of the texts, see hash_text, uint64 array of shape (texts,).
    shares (Sequence[float]): Shares of dev and test, together below 1.0. A split has
        that many of a large number of texts.
    seed (int): Another one gives another split.
    RETURNS (numpy.ndarray): int8 array of TRAIN, DEV and TEST, of shape (texts,).
    """
    numbers = (draw(hashes, seed) >> numpy.uint64(11)) / 2.0**53
    splits = numpy.full(len(hashes), TRAIN, dtype="int8")
    splits[numbers >= 1.0 - shares[0]] = DEV
    splits[numbers < shares[1]] = TEST
    return splits


def draw(hashes: numpy.ndarray, seed: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): A number of each text, any uint64."""
    return mix(hashes + numpy.uint64(seed * ODD % 2**64))


def find_needed(
    splits: numpy.ndarray,
    texts: numpy.ndarray,
    labels: numpy.ndarray,
    ranks: numpy.ndarray,
) -> numpy.ndarray:
    """Find texts that have to be in train, because a label has no other there: of each
    such label the text that ranks first. Which one that is changes only if a text is
    added that ranks before it.

    splits (numpy.ndarray): See allot, of shape (texts,).
    texts, labels (numpy.ndarray): Pairs of a text and a label of it, from 0, (pairs,).
    ranks (numpy.ndarray): Of the texts, the lowest is the first, (texts,).
    RETURNS (numpy.ndarray): Indices of texts, ascending.
    """
    in_train = numpy.bincount(
        labels[splits[texts] == TRAIN], minlength=labels.max(initial=-1) + 1
    )
    lacking = in_train[labels] == 0
    texts, labels = texts[lacking], labels[lacking]
    order = numpy.lexsort((ranks[texts], labels))
    _, first = numpy.unique(labels[order], return_index=True)
    return numpy.unique(texts[order[first]])
