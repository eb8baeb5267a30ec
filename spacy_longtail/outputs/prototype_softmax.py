from itertools import groupby
from typing import Any, Dict, List, Optional, Tuple

import numpy
from thinc.types import Floats1d, Floats2d

from ..ops import ForwardT
from ..saved import check_type, refuse
from ..taxonomy import Taxonomy
from .prototypes import (
    Link,
    OtherT,
    OutputT,
    build_prototype_layer,
    check_places,
    copy_rows,
    get_row_biases,
    get_rows,
    paste_rows,
    set_rows,
)


def PrototypeSoftmax(
    nO: Optional[int] = None,
    nI: Optional[int] = None,
    *,
    scale: float = 20.0,
    learn_rate: float = 20.0,
    l2sp: float = 1e-6,
    other: OtherT = "mixture",
    use_prototypes: bool = True,
    sharing: float = 0.1,
) -> OutputT:
    """Map document vectors to logits over the leaves of a taxonomy.

    The weights of a leaf start at its prototype, a unit vector, times the scale, so
    that the first logits are scaled cosines. The softmax over a row is the joint
    probability of each leaf; nodes further up are sums of leaves. Backpropagation
    takes the gradient with respect to the logits.

    Registered as "spacy-longtail.PrototypeSoftmax.v1".

    nO (Optional[int]): Number of leaves. Set by the component.
    nI (Optional[int]): Width of the document vectors, usually of unit length.
    scale (float): Logits per unit of cosine at the start, above 0.0.
    learn_rate (float): Multiple of the optimizer's rate, above 0.0.
    l2sp (float): Strength of the pull to the start, from 0.0: the square distance from
        it, times l2sp, is added to what is minimized (not to the reported loss).
    other (str): "mixture": a pooled leaf keeps a prototype of its own, so that the
        logit of its Other is their logsumexp. "single": one vector per Other, the
        pooled leaves share its mass equally.
    use_prototypes (bool): Start at the prototypes. Otherwise at zero.
    sharing (float): How much a leaf learns from those beside it, from 0.0: for each
        node above it but the root, this share of the gradients of all leaves below
        that is added to its own. Without effect where leaves share rows.
    RETURNS (Model[Floats2d, Floats2d]): (docs, nI) to (docs, nO).
    RAISES (ValueError): L201 if a setting is out of range.
    """
    attrs: Dict[str, Any] = {
        "other": other,
        "use_prototypes": use_prototypes,
        "sharing": sharing,
        # For each level of the taxonomy, how many leaves each of its nodes has.
        "levels": [],
        # Row of each leaf where leaves share rows, else empty.
        "rows": [],
        "set_start": _set_start,
        "extend_start": _extend_start,
        "set_bias": start_bias,
        "get_linear": get_leaf_rows,
        "check_rows": _check_rows,
    }
    shared = nO, nI, scale, learn_rate, l2sp
    return build_prototype_layer("PrototypeSoftmax", share_rows, attrs, *shared)


def share_rows(model: OutputT, params: Dict[str, Any]) -> Link:
    """Give each leaf the score of its row."""
    ops, n_rows = model.ops, model.get_dim("nR")
    if not model.attrs["rows"]:
        return Link(ops.xp.arange(n_rows), lambda Z: (Z, lambda dZ: dZ))
    rows = ops.asarray1i(model.attrs["rows"])

    def walk(Z: Floats2d) -> ForwardT:
        def backprop(d_logits: Floats2d) -> Floats2d:
            dZ = ops.alloc2f(n_rows, d_logits.shape[0])
            ops.scatter_add(dZ, rows, ops.as_contig(d_logits.T))
            return ops.as_contig(dZ.T)

        return Z[:, rows], backprop

    return Link(rows, walk)


def _set_start(model: OutputT, taxonomy: Taxonomy, prototypes: numpy.ndarray) -> None:
    start, model.attrs["rows"] = prototypes, []
    model.attrs["levels"] = count_levels(taxonomy)
    if model.attrs["other"] == "single" and taxonomy.others:
        owners = numpy.arange(len(prototypes))
        for other in taxonomy.others:
            owners[list(other.members)] = other.members[0]
        firsts, rows = numpy.unique(owners, return_inverse=True)
        start = numpy.stack([prototypes[owners == first].mean(0) for first in firsts])
        model.attrs.update(rows=rows.tolist(), levels=[])
    set_rows(model, len(prototypes), start)


def count_levels(taxonomy: Taxonomy) -> List[List[int]]:
    """RETURNS (List[List[int]]): For each level below the root but the deepest, how
    many leaves each node has, in their order; a leaf that ends there or further up
    counts as a node of its own.
    """
    paths = [*map(taxonomy.path, taxonomy.leaves)]
    levels = []
    for depth in range(1, max(map(len, paths), default=1)):
        nodes = [(path[:depth], len(path) <= depth) for path in paths]
        levels.append([len([*group]) for _, group in groupby(nodes)])
    return levels


def _check_rows(model: OutputT) -> None:
    rows, n_leaves, n_rows = model.attrs["rows"], *map(model.get_dim, ("nO", "nR"))
    if rows or n_rows != n_leaves:
        check_places(rows, n_leaves, n_rows, "'rows'")
    for level in check_type(model.attrs["levels"], list, "'levels'"):
        check_places(level, len(level), n_rows + 1, "'levels'")
        if sum(level) != n_rows or min(level) < 1:
            refuse("'levels' don't fit the weights")


def _extend_start(
    model: OutputT,
    before: Taxonomy,
    taxonomy: Taxonomy,
    prototypes: numpy.ndarray,
    keep: float = 1.0,
) -> None:
    rows_before = model.attrs["rows"] or list(range(len(before.leaves)))
    saved = copy_rows(model)
    _set_start(model, taxonomy, prototypes)
    rows = model.attrs["rows"] or list(range(len(taxonomy.leaves)))
    sources = numpy.full(model.get_dim("nR"), -1)
    shares = numpy.full(len(sources), keep)
    for row, leaf, n_docs in zip(rows, taxonomy.leaves, taxonomy.counts):
        if not n_docs:
            # Nothing else is known of it.
            shares[row] = 1.0
        moved = (leaf in before.pooled) != (leaf in taxonomy.pooled)
        # The row of an Other, if there is one, is that of none of its leaves.
        is_free = sources[row] < 0 and not (moved and model.attrs["other"] == "single")
        if leaf in before.index and is_free:
            sources[row] = rows_before[before.index[leaf]]
    paste_rows(model, saved, sources, shares)


def start_bias(model: OutputT, bias: numpy.ndarray) -> None:
    # Leaves that share a row get the mean.
    rows = model.attrs["rows"] or numpy.arange(len(bias))
    means = numpy.bincount(rows, weights=bias) / numpy.bincount(rows)
    model.set_param("b", model.ops.asarray1f(means / model.attrs["learn_rate"]))


def get_leaf_rows(model: OutputT) -> Tuple[Floats2d, Floats1d]:
    rows = model.attrs["rows"] or slice(None)
    return get_rows(model)[rows], get_row_biases(model)[rows]
