from typing import Any, Callable, List, NamedTuple, Optional, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..errors import Errors
from ..layers.settings import check_at_least
from ..ops import backprop_unit_rows
from ..vectors.local_model import describe_failure, find_model
from .heard_pieces import sum_heard
from .trainable_layers import set_trainable
from .windows import batch_windows, get_limit, pad_windows, split_windows

NAME = "PooledTransformer"
EPSILON = 1e-6


class PieceSums(NamedTuple):
    """Sums over the word pieces of documents.

    X (Floats2d): Sum of the last hidden states of each document, (docs, width).
    counts (numpy.ndarray): Word pieces of each document, of shape (docs,).
    backprop (Callable): Takes the gradient of X.
    """

    X: Floats2d
    counts: numpy.ndarray
    backprop: Callable[[Floats2d], List[Doc]]


def build_pooled_transformer(
    transformer: Model[List[Doc], Any],
    *,
    trainable_layers: Optional[int] = None,
    window: int = 256,
    normalize: bool = True,
) -> Model[List[Doc], Floats2d]:
    """Build an encoder that averages the word pieces of a transformer.

    Registered as "spacy-longtail.PooledTransformer.v1". The vector of a document is
    the mean of the last hidden states of all its word pieces, special ones included,
    as sentence encoders have it. A text longer than a window is read in windows that
    follow each other, none of it is left out. The document's own text is read, so
    that spaCy's tokens don't matter.

    transformer (Model[List[Doc], Any]): "spacy-transformers.TransformerModel.v3", or
        "spacy-transformers.TransformerListener.v1" to share the one of the component
        that it listens to. Windows are split further where the spans of 'get_spans'
        are longer, except with a listener. Its name can be a folder, an installed
        package that has the function get_model_path, or a name on the hub.
    trainable_layers (Optional[int]): How many of its last layers learn. None for the
        whole transformer; 0 for none, each training text is encoded only once then.
    window (int): Most word pieces of a window, special ones included, from 8. Less
        where the transformer can't read as many.
    normalize (bool): Scale the result to unit length, as the prototypes are.
    RETURNS (Model[List[Doc], Floats2d]): Documents to an array of shape (docs,
        width). Documents without text are rows of zeros.
    RAISES (ValueError): L201 if a setting is out of range, L212 if the transformer
        isn't one of those; L211 if it can't be loaded, when it is initialized.
    """
    check_at_least(NAME, "window", window, 8)
    if trainable_layers is not None:
        check_at_least(NAME, "trainable_layers", trainable_layers, 0)
    model: Model[List[Doc], Floats2d] = Model(
        "pooled_transformer",
        forward,
        init=init,
        layers=[transformer],
        dims={"nO": None},
        attrs={
            "trainable_layers": trainable_layers,
            "window": window,
            "normalize": normalize,
            "is_frozen": trainable_layers == 0,
        },
    )
    find_source(model)
    return model


def forward(
    model: Model[List[Doc], Floats2d], docs: List[Doc], is_train: bool
) -> Tuple[Floats2d, Callable]:
    source = find_source(model)
    is_own = "set_transformer" in source.attrs
    sum_pieces = sum_windows if is_own else sum_heard
    X, n_pieces, backprop_sums = sum_pieces(model, source, docs, is_train)
    counts = model.ops.asarray2f(numpy.maximum(n_pieces, 1)[:, None], dtype="float32")
    Y = X / counts
    norms = model.ops.xp.ones_like(counts)
    if model.attrs["normalize"]:
        norms = model.ops.xp.sqrt((Y * Y).sum(axis=1, keepdims=True))
        norms = model.ops.xp.maximum(norms, EPSILON)
        Y = Y / norms

    def backprop(dY: Floats2d) -> List[Doc]:
        dX = backprop_unit_rows(dY, Y, norms) if model.attrs["normalize"] else dY
        return backprop_sums(dX * (get_grad_factor(model) / counts))

    return Y, backprop


def init(
    model: Model[List[Doc], Floats2d],
    X: Optional[List[Doc]] = None,
    Y: Optional[Floats2d] = None,
) -> None:
    source = find_source(model)
    if "set_transformer" in source.attrs:
        name = str(source.attrs["name"])
        source.attrs["name"] = find_model(name)
        try:
            source.initialize()
        except Exception as err:
            raise ValueError(describe_failure(name, err)) from err
    model.set_dim("nO", source.get_dim("nO"), force=True)


def find_source(model: Model[List[Doc], Floats2d]) -> Model:
    """RETURNS (Model): The TransformerModel or the TransformerListener.

    RAISES (ValueError): L212 if there is neither.
    """
    for node in model.layers[0].walk():
        if "set_transformer" in node.attrs or hasattr(node, "upstream_name"):
            return node
    raise ValueError(Errors.L212.format(found=model.layers[0].name))


def get_grad_factor(model: Model[List[Doc], Floats2d]) -> float:
    """RETURNS (float): The 'grad_factor' of the transformer's block, if it has one."""
    factors = [node.attrs.get("grad_factor") for node in model.layers[0].walk()]
    return next((factor for factor in factors if factor is not None), 1.0)


def sum_windows(
    model: Model[List[Doc], Floats2d], source: Any, docs: List[Doc], is_train: bool
) -> PieceSums:
    """Run the transformer on documents, in windows.

    source (Any): A TransformerModel.
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
        ops.scatter_add(X, rows, torch2xp(sums, ops=ops))
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
