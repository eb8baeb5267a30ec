"""What output layers share whose rows start at prototypes."""

from functools import partial
from typing import Any, Callable, Dict, List, Literal, NamedTuple, Optional, Tuple, cast

import numpy
from thinc.api import Model
from thinc.types import Floats1d, Floats2d

from ..errors import Errors
from ..ops import ForwardT, unit_rows
from ..products import multiply_matrices
from ..saved import check_type, refuse
from ..settings import check_at_least, check_bound
from .half import FULL, HALF, choose_bits, expand, round_rows, shrink
from .kept import keep
from .scores import RowBlock, compare_blocks, cut_rows, score_blocks

# Rows that are pulled to their start together.
N_PULLED = 256
OtherT = Literal["mixture", "single"]
OutputT = Model[Floats2d, Floats2d]


class Link(NamedTuple):
    """How rows become leaves.

    leaves (Any): The row that stands for each leaf, integers of shape (nO,).
    walk (Callable[[Floats2d], ForwardT]): Takes the scores of the rows, (docs, rows).
        Gives logits over the leaves, (docs, nO), and a function that turns their
        gradient into that of the scores.
    """

    leaves: Any
    walk: Callable[[Floats2d], ForwardT]


# Takes the parameters, too.
MakeLinkT = Callable[[OutputT, Dict[str, Any]], Link]


# What prediction needs of a layer.
KeepT = Callable[[OutputT], Tuple[List[RowBlock], Link]]


def build_prototype_layer(
    layer: str,
    make_link: MakeLinkT,
    attrs: Dict[str, Any],
    nO: Optional[int],
    nI: Optional[int],
    scale: float,
    learn_rate: float,
    l2sp: float,
) -> OutputT:
    """Build a layer that compares documents with rows, which start at prototypes, and
    makes logits over the leaves of the results.

    The rows are W = start + learn_rate * D, of which only D is trained, from zero:
    this gives the layer a learning rate of its own under any optimizer.

    Source: the pull towards the start is L2-SP of Li et al. (2018), "Explicit
        Inductive Bias for Transfer Learning with Convolutional Networks", equation 5.
        https://arxiv.org/abs/1802.01483

    layer (str): Its registered name, for messages.
    make_link (MakeLinkT): Finds out how rows become leaves.
    attrs (Dict[str, Any]): The settings that aren't arguments, and what else the layer
        has. Those that are, see PrototypeSoftmax.
    RAISES (ValueError): L201 if a setting is out of range.
    """
    given = {"scale": scale, "learn_rate": learn_rate, "l2sp": l2sp, **attrs}
    _check_attrs(layer, given)
    keep_rows = partial(_keep_rows, layer, make_link)
    return Model(
        layer.replace("Softmax", "_softmax").lower(),
        partial(forward, layer=layer, make_link=make_link),
        dims={"nO": nO, "nI": nI, "nR": None},
        params={"start": None, "D": None, "b": None},
        attrs={
            **given,
            # See half.py.
            "row_bits": FULL,
            "shrink": shrink,
            "expand": expand,
            "check_weights": partial(_check_weights, layer),
            "get_similarity": partial(_get_similarity, keep_rows),
            "get_scores": partial(_get_scores, keep_rows),
        },
    )


def _check_attrs(layer: str, attrs: Dict[str, Any]) -> None:
    check_bound(layer, "scale", attrs["scale"])
    check_bound(layer, "learn_rate", attrs["learn_rate"])
    check_at_least(layer, "l2sp", attrs["l2sp"], 0.0)
    check_at_least(layer, "sharing", attrs.get("sharing", 0.0), 0.0)


def _check_weights(layer: str, model: OutputT) -> None:
    """RAISES (ValueError): L201 or L361 for weights that set_rows can't have made."""
    _check_attrs(layer, model.attrs)
    n_rows, width = model.get_dim("nR"), model.get_dim("nI")
    if model.attrs["row_bits"] not in (HALF, FULL):
        refuse("'row_bits' isn't a number of bits")
    for name in model.param_names:
        shape = (n_rows, width) if name in ("start", "D") else (n_rows,)
        if not model.has_param(name) or model.get_param(name).shape != shape:
            refuse(f"the weights {name!r} are missing or of another shape")
    if "check_rows" in model.attrs:
        model.attrs["check_rows"](model)


def check_places(values: Any, n_values: int, n_rows: int, what: str) -> None:
    """RAISES (DamagedError): L361 if it's no list of so many numbers from 0 to below
    n_rows.
    """
    check_type(values, list, what)
    for value in values:
        check_type(value, int, f"a value of {what}")
    if len(values) != n_values or not 0 <= min(values) <= max(values) < n_rows:
        refuse(f"{what} has {len(values)} rows that don't fit")


def forward(
    model: OutputT, X: Floats2d, is_train: bool, *, layer: str, make_link: MakeLinkT
) -> ForwardT:
    if not is_train:
        blocks, link = _keep_rows(layer, make_link, model)
        return link.walk(score_blocks(blocks, X)[0])
    _check_start(model, layer)
    rate, l2sp = model.attrs["learn_rate"], model.attrs["l2sp"]
    params = {name: model.get_param(name) for name in model.param_names}
    W, D, link = _add(params, rate), params["D"], make_link(model, params)
    Y, backprop_link = link.walk(multiply_matrices(X, W.T) + get_row_biases(model))

    def backprop(dY: Floats2d) -> Floats2d:
        dZ = backprop_link(dY)
        dW = share_steps(model, multiply_matrices(dZ.T, X))
        dW *= rate
        # Not all at once: with many rows each array of them is large.
        for start in range(0, len(dW) if l2sp else 0, N_PULLED):
            part = slice(start, start + N_PULLED)
            dW[part] += (2.0 * l2sp * rate**2) * D[part]
        model.inc_grad("D", dW)
        model.inc_grad("b", rate * dZ.sum(axis=0))
        return multiply_matrices(dZ, W)

    return Y, backprop


def share_steps(model: OutputT, dW: Floats2d) -> Floats2d:
    """Let the rows of a group learn from each other: each gets a share of the gradient
    of all of them, once for each of its groups.

    dW (Floats2d): The gradient of the rows, (rows, nI).
    """
    ops, sharing = model.ops, model.attrs.get("sharing", 0.0)
    found = dW
    for groups in model.attrs.get("levels", []) if sharing else []:
        lengths = ops.asarray1i(groups)
        sums = ops.reduce_sum(dW, lengths)
        found = found + sharing * ops.backprop_reduce_sum(sums, lengths)
    return found


def _check_start(model: OutputT, layer: str) -> None:
    if not model.has_param("start"):
        raise ValueError(Errors.L202.format(layer=layer))


def _keep_rows(
    layer: str, make_link: MakeLinkT, model: OutputT
) -> Tuple[List[RowBlock], Link]:
    _check_start(model, layer)

    def make(params: Dict[str, Any]) -> Tuple[List[RowBlock], Link]:
        rate, link = model.attrs["learn_rate"], make_link(model, params)
        W = round_rows(_add(params, rate), model.attrs["row_bits"])
        return cut_rows(W, rate * params["b"], link.leaves), link

    return keep(model, make)


def _get_similarity(keep_rows: KeepT, model: OutputT, X: Floats2d) -> Floats2d:
    blocks, link = keep_rows(model)
    return compare_blocks(blocks, X)[:, link.leaves]


def _get_scores(
    keep_rows: KeepT, model: OutputT, X: Floats2d
) -> Tuple[Floats2d, Floats1d]:
    """See contract.get_scores."""
    blocks, link = keep_rows(model)
    Z, closest = score_blocks(blocks, X)
    return link.walk(Z)[0], closest


def set_rows(model: OutputT, n_leaves: int, start: numpy.ndarray) -> None:
    """Give the layer its rows, in place of those before.

    start (numpy.ndarray): Their directions, of any length, of shape (rows, width).
    """
    scale = model.attrs["scale"] if model.attrs["use_prototypes"] else 0.0
    # Thinc keeps the dims of a layer with parameters, so these have to go first.
    for name in model.param_names:
        model.set_param(name, None)
    model.set_dim("nO", n_leaves, force=True)
    model.set_dim("nI", start.shape[1], force=True)
    model.set_dim("nR", len(start), force=True)
    model.attrs["row_bits"] = choose_bits(start.size)
    ops = model.ops
    model.set_param("start", ops.asarray2f(unit_rows(start) * scale, dtype="float32"))
    model.set_param("D", ops.alloc2f(*start.shape))
    model.set_param("b", ops.alloc1f(len(start)))
    # What an earlier training left doesn't fit any more.
    for name in ("D", "b"):
        model.set_grad(name, ops.xp.zeros_like(model.get_param(name)))


def copy_rows(model: OutputT) -> Dict[str, numpy.ndarray]:
    """RETURNS (Dict[str, numpy.ndarray]): All that is trained, for paste_rows."""
    get = model.ops.to_numpy
    return {name: get(model.get_param(name)).copy() for name in ("start", "D", "b")}


def paste_rows(
    model: OutputT,
    before: Dict[str, numpy.ndarray],
    sources: numpy.ndarray,
    keep: Any = 1.0,
) -> None:
    """Let rows go on as they were before set_rows, or from a point between that and
    their new start.

    before (Dict[str, numpy.ndarray]): What copy_rows returned then.
    sources (numpy.ndarray): Which row that of each row was, -1 for a new one; integers
        of shape (rows,).
    keep (Any): How far they are from their new start, from 0.0 to 1.0, as they were;
        one number or an array of shape (rows,).
    """
    is_known = sources >= 0
    share = numpy.broadcast_to(keep, sources.shape)[is_known].astype("float32")
    for name, values in before.items():
        rows = model.ops.to_numpy(model.get_param(name)).copy()
        old, new = values[sources[is_known]], rows[is_known]
        part = share if old.ndim == 1 else share[:, None]
        # To the last bit where it's 1.0.
        rows[is_known] = numpy.where(part == 1.0, old, new + part * (old - new))
        model.set_param(name, cast(Floats2d, model.ops.asarray(rows)))


def get_rows(model: OutputT) -> Any:
    """RETURNS (Any): The present rows, with which it predicts, of shape (rows, nI)."""
    params = {name: model.get_param(name) for name in ("start", "D")}
    return round_rows(_add(params, model.attrs["learn_rate"]), model.attrs["row_bits"])


def _add(params: Dict[str, Any], rate: float) -> Any:
    W = rate * params["D"]
    W += params["start"]
    return W


def get_row_biases(model: OutputT) -> Any:
    """RETURNS (Any): What is added to the scores of the rows, of shape (rows,)."""
    return model.attrs["learn_rate"] * cast(Floats1d, model.get_param("b"))
