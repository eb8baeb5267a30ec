"""Linear support vector machines of many labels on sparse vectors."""

import numpy

from .reader import Weighted

N_EPOCHS = 10
# When no dual variable moves further in an epoch, it ends.
TOLERANCE = 0.05
# From such a share of the labels on, changing all is faster than choosing them.
MANY = 0.3


def fit_svms(
    X: Weighted, n_terms: int, truths: numpy.ndarray, cost: float
) -> numpy.ndarray:
    """Separate the documents of each label from all others: minimize half the squared
    length of its weights, the bias among them, plus

        cost * sum of weight * max(0, 1 - y * (x @ w + b)) ** 2

    y is 1 or -1. A document without the label has weight 1, one with it as many as the
    mean label has documents for each of this one's. It is solved for one document at a
    time, for all labels at once.

    Source: Hsieh et al. (2008), "A Dual Coordinate Descent Method for Large-scale
        Linear SVM", algorithm 1 with L2-loss; the weights are the "balanced" ones of
        scikit-learn's LinearSVC.

    X (Weighted): The documents.
    truths (numpy.ndarray): 1.0, 0.0 or NaN for what isn't known, of shape (docs,
        labels).
    cost (float): Of what is on the wrong side, above 0.0.
    RETURNS (numpy.ndarray): float32 array of shape (terms + 1, labels), the bias last;
        zeros for a label that all documents have, or none.
    """
    n_docs, n_labels = truths.shape
    is_given = ~numpy.isnan(truths)
    n_given, n_yes = is_given.sum(axis=0), (truths == 1.0).sum(axis=0)
    n_no = n_given - n_yes
    is_used = (n_yes > 0) & (n_no > 0)
    # What the squared loss adds to the diagonal: 1 / (2 * cost * weight).
    soft_no = numpy.float32(0.5 / cost)
    shares = n_yes / numpy.maximum(n_given, 1)
    soft_yes = (soft_no * is_used.sum() * shares).astype("float32")
    W = numpy.zeros((n_terms + 1, n_labels), dtype="float32")
    duals = numpy.zeros((n_docs, n_labels), dtype="float32")
    bounds = numpy.searchsorted(X.rows, numpy.arange(n_docs + 1))
    squares = numpy.bincount(X.rows, weights=X.values**2, minlength=n_docs) + 1.0
    random = numpy.random.RandomState(0)
    for _ in range(N_EPOCHS):
        largest = 0.0
        for i in random.permutation(n_docs).tolist():
            part = slice(bounds[i], bounds[i + 1])
            # The bias is a term that each document has.
            columns = numpy.append(X.columns[part], n_terms)
            values = numpy.append(X.values[part], numpy.float32(1.0))
            is_yes = truths[i] == 1.0
            signs = numpy.where(is_yes, numpy.float32(1.0), numpy.float32(-1.0))
            signs *= is_used & is_given[i]
            soft = numpy.where(is_yes, soft_yes, soft_no)
            # Not by a BLAS, which would start threads.
            margins = numpy.einsum("i,ij->j", values, W[columns]) * signs
            slope = margins - 1.0 + duals[i] * soft
            new = numpy.maximum(duals[i] - slope / (squares[i] + soft), 0.0)
            steps = (new - duals[i]) * signs
            duals[i] += steps * signs
            moved = numpy.flatnonzero(steps)
            if len(moved) > MANY * n_labels:
                W[columns] += values[:, None] * steps
            elif len(moved):
                W[columns[:, None], moved] += values[:, None] * steps[moved]
            if len(moved):
                largest = max(largest, float(numpy.abs(steps).max()))
        if largest < TOLERANCE:
            break
    return W
