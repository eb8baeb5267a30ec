"""Choose texts that stand for others, too."""

from typing import List

import numpy


def choose_spread(vectors: numpy.ndarray, worth: numpy.ndarray, n: int) -> List[int]:
    """Choose texts so that each has one like it among the chosen ones, the more so the
    more it's worth: greedily, the largest sum over texts of their worth times their
    similarity to the closest chosen text, which is within 1 - 1/e of the best.

    Source: Wei, Iyer and Bilmes (2015), "Submodularity in Data Subset Selection and
        Active Learning", sections 2 and 5 (facility location, FASS).
        https://proceedings.mlr.press/v37/wei15.html

    vectors (numpy.ndarray): Unit vectors or zeros, of shape (texts, width).
    worth (numpy.ndarray): At least 0.0, (texts,).
    n (int): How many, all if there are fewer.
    RETURNS (List[int]): Their rows, in the order in which they were chosen.
    """
    similarity = numpy.maximum(vectors @ vectors.T, 0.0)
    numpy.fill_diagonal(similarity, 1.0)
    covered = numpy.zeros(len(worth), dtype=similarity.dtype)
    chosen: List[int] = []
    for _ in range(min(n, len(worth))):
        gains = worth @ numpy.maximum(similarity - covered[:, None], 0.0)
        gains[chosen] = -1.0
        best = int(gains.argmax())
        chosen.append(best)
        covered = numpy.maximum(covered, similarity[best])
    return chosen
