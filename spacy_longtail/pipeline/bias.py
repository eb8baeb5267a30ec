from typing import List

import numpy
from spacy.tokens import Doc

from .multilabel_decision import sigmoid
from .start import EncodeT

SAMPLE_SIZE = 2000
N_STEPS = 50


class VectorSample:
    """Keeps a random sample of the vectors that an encoder makes.

    size (int): Vectors to keep.
    seed (int): Of a generator of its own, so that the sample doesn't change others.
    """

    def __init__(self, size: int = SAMPLE_SIZE, seed: int = 0) -> None:
        self.size = size
        self.n_seen = 0
        self._random = numpy.random.RandomState(seed)
        self._rows: List[numpy.ndarray] = []

    def watch(self, encode: EncodeT) -> EncodeT:
        """RETURNS (EncodeT): The same encoder, whose vectors are sampled."""

        def encode_and_sample(docs: List[Doc]) -> numpy.ndarray:
            X = encode(docs)
            self.add(X)
            return X

        return encode_and_sample

    def add(self, X: numpy.ndarray) -> None:
        """Sample from more vectors.

        Source: algorithm R of Vitter (1985), "Random Sampling with a Reservoir".

        X (numpy.ndarray): Array of shape (docs, width).
        """
        for row in X:
            self.n_seen += 1
            if len(self._rows) < self.size:
                self._rows.append(row)
            else:
                place = self._random.randint(self.n_seen)
                if place < self.size:
                    self._rows[place] = row

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
    wanted = sigmoid(log_odds)
    # The mean rises with the bias, so halving the interval finds it.
    low = log_odds - logits.max(axis=0)
    high = log_odds - logits.min(axis=0)
    for _ in range(N_STEPS):
        middle = (low + high) / 2.0
        is_low = sigmoid(logits + middle).mean(axis=0) < wanted
        low, high = numpy.where(is_low, middle, low), numpy.where(is_low, high, middle)
    return (low + high) / 2.0
