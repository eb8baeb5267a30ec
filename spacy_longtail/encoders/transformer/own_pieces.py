from typing import Any, List, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .piece_sums import PieceSums
from .threads import survive_fork
from .trainable_layers import set_trainable
from .windows import batch_windows, get_limit, pad_windows, split_windows


def sum_windows(
    model: Model[List[Doc], Floats2d], source: Any, docs: List[Doc], is_train: bool
) -> PieceSums:
    """Run a transformer on documents, in windows.

    source (Any): A TransformerModel of spacy-transformers.
    """
    from thinc.api import torch2xp, xp2torch

    ops, wrapper, tokenizer = model.ops, source.layers[0], source.tokenizer
    spans = source.attrs["get_spans"](docs)
    pairs = [
        (row, span.text)
        for row, group in enumerate(spans)
        for span in group
        if span.text.strip()
    ]
    survive_fork()
    limit = get_limit(tokenizer, source.transformer.config, model.attrs["window"])
    windows = split_windows(tokenizer, [text for _, text in pairs], limit)
    owners = numpy.asarray([pairs[i][0] for i in windows.owners], dtype="int32")
    X = ops.alloc2f(len(docs), model.get_dim("nO"))
    counts = numpy.zeros(len(docs), dtype="int64")
    backprops = []
    if is_train:
        set_trainable(source.transformer, model.attrs["trainable_layers"])
    for batch in batch_windows(windows):
        pieces = pad_windows(windows, batch, tokenizer.pad_token_id or 0)
        output, backprop_output = wrapper(pieces, is_train)
        states = output.last_hidden_state
        mask = xp2torch(pieces.attention_mask, device=states.device)
        sums = (states.detach() * mask[:, :, None]).sum(dim=1)
        rows = ops.asarray1i(owners[batch])
        ops.scatter_add(X, rows, cast(Floats2d, torch2xp(sums, ops=ops)))
        numpy.add.at(counts, owners[batch], pieces.attention_mask.sum(1).astype(int))
        if is_train:
            backprops.append((rows, mask, backprop_output))

    def backprop(dX: Floats2d) -> List[Doc]:
        while backprops:
            rows, mask, backprop_output = backprops.pop()
            d_sums = xp2torch(ops.as_contig(dX[rows]), device=mask.device)
            backprop_output({"last_hidden_state": d_sums[:, None] * mask[:, :, None]})
        return docs

    return PieceSums(X, counts, backprop)
