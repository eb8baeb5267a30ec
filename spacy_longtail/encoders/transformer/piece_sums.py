from typing import Any, Callable, List, NamedTuple, Protocol

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d


class PieceSums(NamedTuple):
    """Sums over the word pieces of documents.

    X (Floats2d): Sum of the last hidden states of each document, (docs, width).
    counts (numpy.ndarray): Word pieces of each document, of shape (docs,).
    backprop (Callable): Takes the gradient of X.
    """

    X: Floats2d
    counts: numpy.ndarray
    backprop: Callable[[Floats2d], List[Doc]]


class PieceReader(Protocol):
    """Sums the word pieces of documents, as one of several libraries has them.

    model (Model): The layer "pooled_transformer".
    source (Any): The layer of the library.
    """

    def __call__(
        self,
        model: Model[List[Doc], Floats2d],
        source: Any,
        docs: List[Doc],
        is_train: bool,
    ) -> PieceSums: ...
