from typing import Any, List

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .piece_sums import PieceSums
from .threads import survive_fork
from .trainable_layers import set_trainable
from .windows import Windows, batch_windows


def sum_curated(
    model: Model[List[Doc], Floats2d], source: Any, docs: List[Doc], is_train: bool
) -> PieceSums:
    """Run a transformer of spacy-curated-transformers on documents, in windows.

    Its own way leaves out what stands for the begin and the end of a text, which
    belongs to a sentence encoder's mean.

    source (Any): A model with the references "piece_encoder" and "transformer".
    """
    ops, transformer = model.ops, source.get_ref("transformer")
    survive_fork()
    transformer.attrs["_all_layer_outputs"] = False
    windows = split_pieces(source, docs, model.attrs["window"])
    X = ops.alloc2f(len(docs), model.get_dim("nO"))
    counts = numpy.zeros(len(docs), dtype="int64")
    backprops = []
    if is_train:
        set_trainable(transformer.shims[0]._model, model.attrs["trainable_layers"])
    for batch in batch_windows(windows):
        ids = [ops.asarray1i(windows.ids[i]) for i in batch]
        output, backprop_output = transformer(ids, is_train)
        rows = [windows.owners[i] for i in batch]
        for row, states in zip(rows, output.last_hidden_layer_states):
            X[row] += states.sum(axis=0)
            counts[row] += len(states)
        backprops.append((rows, [len(x) for x in ids], backprop_output))

    def backprop(dX: Floats2d) -> List[Doc]:
        while is_train and backprops:
            rows, lengths, backprop_output = backprops.pop()
            backprop_output(
                [
                    [ops.xp.repeat(dX[row : row + 1], length, axis=0)]
                    for row, length in zip(rows, lengths)
                ]
            )
        return docs

    return PieceSums(X, counts, backprop)


def split_pieces(source: Any, docs: List[Doc], window: int) -> Windows:
    """RETURNS (Windows): The word pieces of documents with text, see split_windows."""
    owners = [row for row, doc in enumerate(docs) if doc.text.strip()]
    encoder, windows = source.get_ref("piece_encoder"), Windows([], [])
    found = encoder.predict([docs[row] for row in owners]) if owners else []
    for owner, pieces in zip(owners, found):
        begin, *inner, end = pieces.dataXd.ravel().tolist()
        for start in range(0, max(len(inner), 1), window - 2):
            part = inner[start : start + window - 2]
            windows.ids.append([begin, *part, end])
            windows.owners.append(owner)
    return windows
