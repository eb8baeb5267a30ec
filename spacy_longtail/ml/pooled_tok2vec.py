from typing import Callable, List, Literal, Optional, Tuple

from spacy.tokens import Doc
from thinc.api import Model, chain, list2ragged, reduce_max, reduce_mean
from thinc.types import Floats2d

from ..ops import backprop_unit_rows

EPSILON = 1e-6


def build_pooled_tok2vec(
    tok2vec: Model[List[Doc], List[Floats2d]],
    *,
    pooling: Literal["mean", "max"] = "mean",
    normalize: bool = True,
) -> Model[List[Doc], Floats2d]:
    """Build an encoder that pools the token vectors of any tok2vec layer.

    Registered as "spacy-longtail.PooledTok2Vec.v1".

    tok2vec (Model[List[Doc], List[Floats2d]]): One vector per token. Can be a
        listener to a shared component.
    pooling (str): "mean" or "max" over the tokens.
    normalize (bool): Scale the result to unit length, as the prototypes are.
    RETURNS (Model[List[Doc], Floats2d]): Documents to an array of shape (docs,
        width). Documents without tokens are rows of zeros.
    """
    reduce = reduce_mean() if pooling == "mean" else reduce_max()
    pooled = chain(tok2vec, list2ragged(), reduce)
    return Model(
        "pooled_tok2vec",
        forward,
        init=init,
        layers=[pooled],
        refs={"tok2vec": tok2vec},
        dims={"nO": tok2vec.maybe_get_dim("nO")},
        attrs={"normalize": normalize, "is_frozen": False},
    )


def forward(
    model: Model[List[Doc], Floats2d], docs: List[Doc], is_train: bool
) -> Tuple[Floats2d, Callable]:
    # A listener has to see the same batch as the component it listens to, so empty
    # documents can only be left out when there is nothing else.
    pooled, ops = model.layers[0], model.ops
    lengths = ops.asarray1i([len(doc) for doc in docs])
    if not int(lengths.sum()):
        return ops.alloc2f(len(docs), model.get_dim("nO")), lambda dY: []
    X, backprop_pooled = pooled(docs, is_train)
    has_tokens = (lengths > 0).reshape((-1, 1))
    X = ops.xp.where(has_tokens, X, 0.0)
    norms = ops.xp.ones((len(docs), 1), dtype="float32")
    if model.attrs["normalize"]:
        norms = ops.xp.maximum(ops.xp.sqrt((X * X).sum(1, keepdims=True)), EPSILON)
    Y = X / norms

    def backprop(dY: Floats2d) -> List[Doc]:
        dX = backprop_unit_rows(dY, Y, norms) if model.attrs["normalize"] else dY
        return backprop_pooled(ops.xp.where(has_tokens, dX, 0.0))

    return Y, backprop


def init(
    model: Model[List[Doc], Floats2d],
    X: Optional[List[Doc]] = None,
    Y: Optional[Floats2d] = None,
) -> None:
    model.layers[0].initialize(X=X)
    model.set_dim("nO", model.get_ref("tok2vec").get_dim("nO"), force=True)
