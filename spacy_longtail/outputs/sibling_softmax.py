from collections import Counter
from typing import Any, Dict, List, Optional, Tuple

import numpy
from thinc.types import Floats2d

from ..ops import ForwardT, log_softmax_groups, spread_groups, sum_groups
from ..saved import refuse
from ..taxonomy import ROOT, Taxonomy
from .prototypes import (
    Link,
    OtherT,
    OutputT,
    build_prototype_layer,
    check_places,
    copy_rows,
    paste_rows,
    set_rows,
)


def SiblingSoftmax(
    nO: Optional[int] = None,
    nI: Optional[int] = None,
    *,
    scale: float = 20.0,
    learn_rate: float = 20.0,
    l2sp: float = 1e-6,
    other: OtherT = "mixture",
    use_prototypes: bool = True,
) -> OutputT:
    """Map document vectors to the log probability of each leaf, as the product of a
    softmax among siblings at each step of its path.

    Below each parent stands a category-specific softmax over its children: inner
    nodes, leaves and, for an Other, either its members ("mixture") or one node that
    its members share equally ("single"). The result is normalized, so it can be used
    as logits over the leaves like those of PrototypeSoftmax; nodes further up are
    sums of leaves. Backpropagation takes the gradient with respect to the result.

    Registered as "spacy-longtail.SiblingSoftmax.v1".

    Source: the conditional softmax of Redmon & Farhadi (2017), "YOLO9000: Better,
        Faster, Stronger", section 4. https://arxiv.org/abs/1612.08242

    nO (Optional[int]): Number of leaves. Set by the component.
    nI (Optional[int]): Width of the document vectors, usually of unit length.
    scale (float): Logits per unit of cosine at the start, above 0.0.
    learn_rate (float): Multiple of the optimizer's rate, above 0.0.
    l2sp (float): Strength of the pull to the start, see PrototypeSoftmax.
    other (str): "mixture" or "single", see above.
    use_prototypes (bool): Start each node at the mean of the prototypes below it.
        Otherwise at zero.
    RETURNS (Model[Floats2d, Floats2d]): (docs, nI) to (docs, nO).
    RAISES (ValueError): L201 if a setting is out of range.
    """
    attrs: Dict[str, Any] = {
        "other": other,
        "use_prototypes": use_prototypes,
        # Rows per sibling group, and for each level the row of each leaf (nR where
        # its path has ended).
        "group_lengths": [],
        "steps": [],
        "set_start": _set_start,
        "extend_start": _extend_start,
        "check_rows": _check_rows,
    }
    shared = nO, nI, scale, learn_rate, l2sp
    model = build_prototype_layer("SiblingSoftmax", follow_paths, attrs, *shared)
    # How many leaves each row stands for.
    model.set_param("sizes", None)
    return model


def follow_paths(model: OutputT, params: Dict[str, Any]) -> Link:
    """Normalize the scores among siblings and add up those of each path. The last node
    of a path stands for its leaf.
    """
    ops, n_rows = model.ops, model.get_dim("nR")
    lengths = ops.asarray1i(model.attrs["group_lengths"])
    paths = numpy.asarray(model.attrs["steps"])
    ends = paths[(paths < n_rows).sum(axis=0) - 1, numpy.arange(paths.shape[1])]
    steps = [ops.asarray1i(step) for step in paths]
    log_sizes = ops.xp.log(params["sizes"])

    def walk(Z: Floats2d) -> ForwardT:
        log_P = log_softmax_groups(ops, Z + log_sizes, lengths)
        # A row that stands for k leaves gives each of them 1 / k.
        per_leaf = ops.xp.pad(log_P - log_sizes, ((0, 0), (0, 1)))
        Y = per_leaf[:, steps[0]]
        for step in steps[1:]:
            Y = Y + per_leaf[:, step]

        def backprop(dY: Floats2d) -> Floats2d:
            dY_T = ops.as_contig(dY.T)
            d_log_P_T = ops.alloc2f(n_rows + 1, dY.shape[0])
            for step in steps:
                ops.scatter_add(d_log_P_T, step, dY_T)
            d_log_P = ops.as_contig(d_log_P_T[:-1].T)
            sums = spread_groups(ops, sum_groups(ops, d_log_P, lengths), lengths)
            return d_log_P - ops.xp.exp(log_P) * sums

        return Y, backprop

    return Link(ops.asarray1i(ends), walk)


def _set_start(model: OutputT, taxonomy: Taxonomy, prototypes: numpy.ndarray) -> None:
    paths = _get_paths(taxonomy, single=model.attrs["other"] == "single")
    rows = _get_rows(paths)
    depth = max(len(path) for path in paths)
    steps = numpy.full((depth, len(paths)), len(rows))
    start = numpy.zeros((len(rows), prototypes.shape[1]), dtype="float32")
    for column, path in enumerate(paths):
        steps[: len(path), column] = [rows[node] for node in path]
        start[steps[: len(path), column]] += prototypes[column]
    ends = [rows[path[-1]] for path in paths]
    sizes = numpy.maximum(numpy.bincount(ends, minlength=len(rows)), 1)
    lengths = list(Counter(parent for parent, _ in rows).values())
    model.attrs.update(group_lengths=lengths, steps=steps.tolist())
    set_rows(model, len(paths), start)
    model.set_param("sizes", model.ops.asarray1f(sizes))


def _check_rows(model: OutputT) -> None:
    lengths, steps = model.attrs["group_lengths"], model.attrs["steps"]
    n_rows, n_leaves = model.get_dim("nR"), model.get_dim("nO")
    check_places(lengths, len(lengths), n_rows + 1, "'group_lengths'")
    if sum(lengths) != n_rows or min(lengths) < 1 or not steps:
        refuse("'group_lengths' and 'steps' don't fit the weights")
    for step in steps:
        check_places(step, n_leaves, n_rows + 1, "'steps'")
    if max(steps[0]) == n_rows or model.get_param("sizes").min() < 1.0:
        refuse("'steps' or 'sizes' don't fit the weights")


def _extend_start(
    model: OutputT,
    before: Taxonomy,
    taxonomy: Taxonomy,
    prototypes: numpy.ndarray,
    keep: float = 1.0,
) -> None:
    single, saved = model.attrs["other"] == "single", copy_rows(model)
    _set_start(model, taxonomy, prototypes)
    old, new = (
        # A leaf can have come from an Other further up, or gone there.
        {node or (parent, node): row for (parent, node), row in rows.items()}
        for rows in (
            _get_rows(_get_paths(tree, single=single)) for tree in (before, taxonomy)
        )
    )
    sources = numpy.asarray([old.get(node, -1) for node in new])
    paste_rows(model, saved, sources, keep)


def _get_rows(paths: List[List[Tuple[str, str]]]) -> Dict[Tuple[str, str], int]:
    """The row of each node, as (parent, node)."""
    # Siblings have to be neighbours: sort the nodes by their parent.
    nodes = sorted({node for path in paths for node in path})
    return {node: row for row, node in enumerate(nodes)}


def _get_paths(taxonomy: Taxonomy, *, single: bool) -> List[List[Tuple[str, str]]]:
    """The nodes from the root to each leaf, as (parent, node), to a pooled leaf by way
    of its Other. The node of an Other is "", which no label can be.
    """
    paths = []
    for column, leaf in enumerate(taxonomy.leaves):
        other = taxonomy.other_of[column]
        parent = taxonomy.parent(leaf) if other < 0 else taxonomy.others[other].parent
        nodes = [] if parent == ROOT else list(taxonomy.path(parent))
        nodes.append("" if single and other >= 0 else leaf)
        paths.append(list(zip([ROOT, *nodes], nodes)))
    return paths
