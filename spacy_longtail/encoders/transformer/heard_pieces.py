import warnings
from dataclasses import replace
from typing import Any, List

import numpy
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ...errors import Warnings
from .piece_sums import PieceSums


def sum_heard(
    model: Model[List[Doc], Floats2d], source: Any, docs: List[Doc], is_train: bool
) -> PieceSums:
    """Sum what a listener hears over the word pieces of documents.

    source (Any): A TransformerListener of spacy-transformers.
    """
    ops, width = model.ops, model.get_dim("nO")
    heard, backprop_heard = source(docs, is_train)
    X = ops.alloc2f(len(docs), width)
    counts = numpy.zeros(len(docs), dtype="int64")
    masks: List[Any] = []
    for row, (doc, data) in enumerate(zip(docs, heard)):
        states = data.model_output.get("last_hidden_state")
        masks.append(None)
        if states is None or not states.size:
            continue
        _warn_if_cut(doc, data)
        mask = data.wordpieces.attention_mask * bool(doc.text.strip())
        masks[row] = ops.asarray_f(mask[:, :, None], dtype="float32")
        X[row] = (states * masks[row]).sum(axis=(0, 1))
        counts[row] = int(mask.sum())

    def backprop(dX: Floats2d) -> List[Doc]:
        # The component that is listened to leaves out empty documents too.
        d_heard = [
            replace(
                data,
                model_output=type(data.model_output)(last_hidden_state=mask * d_doc),
            )
            for data, mask, d_doc in zip(heard, masks, dX)
            if mask is not None
        ]
        return backprop_heard(d_heard)

    return PieceSums(X, counts, backprop)


def _warn_if_cut(doc: Doc, data: Any) -> None:
    lengths = data.align.lengths
    if len(lengths) != len(doc) or lengths.all():
        return
    is_word = doc.to_array([IS_SPACE]) == 0
    if is_word[numpy.asarray(lengths) == 0].any():
        warnings.warn(Warnings.LW201.format(text=doc.text[:60]), stacklevel=2)
