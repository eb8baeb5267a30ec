from typing import Any, Callable, Literal, Optional, Tuple, cast

import numpy
from thinc.api import Model
from thinc.types import Floats1d, Floats2d

from ..errors import Errors
from ..ops import multiply_rows, unit_rows
from ..settings import check_at_least, check_bound
from ..taxonomy import Taxonomy

NAME = "PrototypeSoftmax"
OtherT = Literal["mixture", "single"]


def PrototypeSoftmax(
    nO: Optional[int] = None,
    nI: Optional[int] = None,
    *,
    scale: float = 20.0,
    learn_rate: float = 20.0,
    l2sp: float = 1e-6,
    other: OtherT = "mixture",
    use_prototypes: bool = True,
) -> Model[Floats2d, Floats2d]:
    """Map document vectors to logits over the leaves of a taxonomy.

    The weights of a leaf start at its prototype, a unit vector, times the scale, so
    that the first logits are scaled cosines. They are start + learn_rate * D, of
    which only D is trained, from zero: this gives the layer a learning rate of its
    own under any optimizer. The softmax over a row is the joint probability of each
    leaf; nodes further up are sums of leaves. Backpropagation takes the gradient
    with respect to the logits.

    Registered as "spacy-longtail.PrototypeSoftmax.v1".

    Source: the pull towards the start is L2-SP of Li et al. (2018), "Explicit
        Inductive Bias for Transfer Learning with Convolutional Networks", equation 5.
        https://arxiv.org/abs/1802.01483

    nO (Optional[int]): Number of leaves. Set by the component.
    nI (Optional[int]): Width of the document vectors, usually of unit length.
    scale (float): Logits per unit of cosine at the start, above 0.0.
    learn_rate (float): Multiple of the optimizer's rate, above 0.0.
    l2sp (float): Strength of the pull, from 0.0: its square distance from the
        start, times l2sp, is added to what is minimized (not to the reported loss).
    other (str): "mixture": a pooled leaf keeps a prototype of its own, so that the
        logit of its Other is their logsumexp. "single": one vector per Other, the
        pooled leaves share its mass equally.
    use_prototypes (bool): Start at the prototypes. Otherwise at zero.
    RETURNS (Model[Floats2d, Floats2d]): (docs, nI) to (docs, nO).
    RAISES (ValueError): L201 if a setting is out of range.
    """
    check_bound(NAME, "scale", scale)
    check_bound(NAME, "learn_rate", learn_rate)
    check_at_least(NAME, "l2sp", l2sp, 0.0)
    return Model(
        "prototype_softmax",
        forward,
        dims={"nO": nO, "nI": nI, "nR": None},
        params={"start": None, "D": None, "b": None},
        attrs={
            "scale": scale,
            "learn_rate": learn_rate,
            "l2sp": l2sp,
            "other": other,
            "use_prototypes": use_prototypes,
            # Row of each leaf where leaves share rows, else empty.
            "rows": [],
            "set_start": set_start,
            "set_bias": set_bias,
            "get_similarity": get_similarity,
            "get_linear": get_linear,
        },
    )


def forward(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> Tuple[Floats2d, Callable]:
    if not model.has_param("start"):
        raise ValueError(Errors.L202.format(layer=NAME))
    rate, l2sp = model.attrs["learn_rate"], model.attrs["l2sp"]
    W = _get_weights(model)
    D = cast(Floats2d, model.get_param("D"))
    b = cast(Floats1d, model.get_param("b"))
    rows = model.attrs["rows"]
    logits = multiply_rows(X, W) + rate * b
    if rows:
        logits = logits[:, rows]

    def backprop(d_logits: Floats2d) -> Floats2d:
        dZ = _sum_shared(model, d_logits) if rows else d_logits
        dW = dZ.T @ X
        model.inc_grad("D", rate * dW + (2.0 * l2sp * rate**2) * D)
        model.inc_grad("b", rate * dZ.sum(axis=0))
        return dZ @ W

    return logits, backprop


def set_start(
    model: Model[Floats2d, Floats2d], taxonomy: Taxonomy, prototypes: numpy.ndarray
) -> None:
    """Give the layer its leaves and their first weights.

    prototypes (numpy.ndarray): Unit vectors of shape (leaves, width).
    """
    n_leaves, width = prototypes.shape
    rows = numpy.arange(n_leaves)
    start = prototypes
    if model.attrs["other"] == "single" and taxonomy.others:
        owners = rows.copy()
        for other in taxonomy.others:
            owners[list(other.members)] = other.members[0]
        firsts, rows = numpy.unique(owners, return_inverse=True)
        start = numpy.stack([prototypes[owners == first].mean(0) for first in firsts])
        model.attrs["rows"] = rows.tolist()
    else:
        model.attrs["rows"] = []
    scale = model.attrs["scale"] if model.attrs["use_prototypes"] else 0.0
    # Thinc keeps the dims of a layer with parameters, so these have to go first.
    for name in model.param_names:
        model.set_param(name, None)
    model.set_dim("nO", n_leaves, force=True)
    model.set_dim("nI", width, force=True)
    model.set_dim("nR", len(start), force=True)
    ops = model.ops
    model.set_param("start", ops.asarray2f(unit_rows(start) * scale, dtype="float32"))
    model.set_param("D", ops.alloc2f(len(start), width))
    model.set_param("b", ops.alloc1f(len(start)))
    # What an earlier training left doesn't fit any more.
    for name in ("D", "b"):
        model.set_grad(name, ops.xp.zeros_like(model.get_param(name)))


def set_bias(model: Model[Floats2d, Floats2d], bias: numpy.ndarray) -> None:
    """Add something to each leaf's logit from the start, as a softmax doesn't need but
    independent probabilities do. It learns like any bias.

    bias (numpy.ndarray): Of shape (leaves,). Leaves that share a row get the mean.
    """
    ops, n_rows = model.ops, model.get_dim("nR")
    rows = model.attrs["rows"] or list(range(len(bias)))
    sums = numpy.bincount(rows, weights=bias, minlength=n_rows)
    means = sums / numpy.bincount(rows, minlength=n_rows)
    model.set_param("b", ops.asarray1f(means / model.attrs["learn_rate"]))


def get_similarity(model: Model[Floats2d, Floats2d], X: Floats2d) -> Floats2d:
    """RETURNS (Floats2d): Cosine of each document to each leaf's present weights, of
    shape (docs, leaves), 0.0 for a vector of zeros.
    """
    cosines = multiply_rows(unit_rows(X), unit_rows(_get_weights(model)))
    return cosines[:, model.attrs["rows"]] if model.attrs["rows"] else cosines


def get_linear(model: Model[Floats2d, Floats2d]) -> Tuple[Floats2d, Floats1d]:
    """RETURNS (Tuple[Floats2d, Floats1d]): Weights of shape (leaves, nI) and biases of
    shape (leaves,), for layers whose logits are linear in the document vector.
    """
    W = _get_weights(model)
    b = model.attrs["learn_rate"] * cast(Floats1d, model.get_param("b"))
    rows = model.attrs["rows"]
    return (W[rows], b[rows]) if rows else (W, b)


def _get_weights(model: Model[Floats2d, Floats2d]) -> Any:
    start = cast(Floats2d, model.get_param("start"))
    return start + model.attrs["learn_rate"] * cast(Floats2d, model.get_param("D"))


def _sum_shared(model: Model[Floats2d, Floats2d], d_logits: Floats2d) -> Floats2d:
    columns = model.ops.asarray1i(model.attrs["rows"])
    dZ = model.ops.alloc2f(model.get_dim("nR"), d_logits.shape[0])
    model.ops.scatter_add(dZ, columns, model.ops.as_contig(d_logits.T))
    return model.ops.as_contig(dZ.T)
