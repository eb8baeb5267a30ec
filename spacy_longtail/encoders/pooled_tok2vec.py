from typing import Any, Callable, List, Literal, Optional

import numpy
from spacy.tokens import Doc
from thinc.api import Model, reduce_max, reduce_mean
from thinc.types import Floats2d, Ragged

from ..errors import Errors
from ..ops import ForwardT, normalize_rows
from .contract import EncoderT


def build_pooled_tok2vec(
    tok2vec: Model[List[Doc], List[Floats2d]],
    *,
    pooling: Literal["mean", "max"] = "mean",
    normalize: bool = True,
) -> EncoderT:
    """Build an encoder that pools the token vectors of any tok2vec layer.

    Registered as "spacy-longtail.PooledTok2Vec.v1".

    tok2vec (Model[List[Doc], List[Floats2d]]): One vector per token. Can be a
        listener to a shared component.
    pooling (str): "mean" or "max" over the tokens.
    normalize (bool): Scale the result to unit length, as the prototypes are.
    RETURNS (Model[List[Doc], Floats2d]): Documents to an array of shape (docs,
        width). Documents without tokens are rows of zeros.
    RAISES (ValueError): L348 for a layer of another kind, when it runs.
    """
    reduce = reduce_mean() if pooling == "mean" else reduce_max()
    return Model(
        "pooled_tok2vec",
        forward,
        init=init,
        layers=[tok2vec, reduce],
        refs={"tok2vec": tok2vec},
        dims={"nO": tok2vec.maybe_get_dim("nO")},
        attrs={"normalize": normalize, "is_frozen": False},
    )


def forward(model: EncoderT, docs: List[Doc], is_train: bool) -> ForwardT:
    # A listener has to see the same batch as the component it listens to, so empty
    # documents can only be left out when there is nothing else.
    tok2vec, reduce = model.layers
    ops, width = model.ops, model.get_dim("nO")
    lengths = numpy.asarray([len(doc) for doc in docs], dtype="int32")
    rows = numpy.flatnonzero(lengths)
    if not len(rows):
        return ops.alloc2f(len(docs), width), lambda dY: []
    tokens, backprop_tokens = tok2vec(docs, is_train)
    if not isinstance(tokens, list) or tokens[rows[0]].shape[1:] != (width,):
        found = f"{tok2vec.name!r}, which gives no list of arrays (tokens, {width})"
        text = Errors.L348.format(part="model.encoder.tok2vec", found=found)
        raise ValueError(text)
    # Thinc can't find the maximum of no tokens.
    ragged = Ragged(ops.flatten(tokens), ops.asarray1i(lengths[rows]))
    X, backprop_reduce = reduce(ragged, is_train)
    backprop_norm: Callable = ops.as_contig
    if model.attrs["normalize"]:
        X, backprop_norm = normalize_rows(X)
    Y = ops.alloc2f(len(docs), width)
    Y[rows] = X

    def backprop(dY: Floats2d) -> List[Doc]:
        d_tokens = backprop_reduce(ops.as_contig(backprop_norm(dY[rows]))).data
        return backprop_tokens(ops.unflatten(d_tokens, ops.asarray1i(lengths)))

    return Y, backprop


def init(model: EncoderT, X: Optional[List[Doc]] = None, Y: Any = None) -> None:
    model.layers[0].initialize(X=X)
    model.set_dim("nO", model.get_ref("tok2vec").get_dim("nO"), force=True)
