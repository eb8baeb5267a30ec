import numpy


def make_parts(n_docs: int, folds: int, seed: int) -> numpy.ndarray:
    """Divide documents into parts for cross-fitting, at random.

    RETURNS (numpy.ndarray): The part of each document, from 0 to folds - 1.
    """
    return numpy.random.default_rng(seed).permutation(n_docs) % min(folds, n_docs)
