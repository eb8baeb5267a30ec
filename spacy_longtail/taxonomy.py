from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from numbers import Real
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple

import numpy

from .errors import Errors
from .saved import DamagedError, check_texts, check_type, refuse
from .spelling import find_similar

SEPARATOR = "/"
ROOT = ""


@dataclass(frozen=True)
class Other:
    """Categories that are trained as one class below a common ancestor.

    parent (str): Path of the inner node, "" for the root.
    members (Tuple[int, ...]): Columns of the pooled leaves, ascending.
    """

    parent: str
    members: Tuple[int, ...]


@dataclass(frozen=True)
class Taxonomy:
    """An immutable label tree with its training counts and its pooling plan.

    A node is identified by its full path. The leaves are sorted depth-first, so
    that the leaves below any node are neighbours; this is the order of the
    columns of every array, decided once.

    leaves (Tuple[str, ...]): Labels that nothing stands below.
    counts (Tuple[int, ...]): Training documents of each leaf.
    inner_counts (Dict[str, int]): Training documents whose gold label is an
        inner node, because the annotator stopped early.
    separator (str): What joins the segments of a path.
    others (Tuple[Other, ...]): The pooled leaves, by the parent of their Other.
        An Other has no name, so it can't collide with a label called "Other".
    n_docs (Optional[int]): Training documents, where one can have several labels.
        None if each has one.
    """

    leaves: Tuple[str, ...]
    counts: Tuple[int, ...]
    inner_counts: Dict[str, int] = field(default_factory=dict)
    separator: str = SEPARATOR
    others: Tuple[Other, ...] = ()
    n_docs: Optional[int] = None

    def path(self, label: str) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The nodes from the top: ("a", "a/b") of "a/b"."""
        segments = label.split(self.separator)
        return tuple(accumulate(segments, lambda *pair: self.separator.join(pair)))

    def parent(self, label: str) -> str:
        """RETURNS (str): Path of the node above, "" for the root."""
        return (ROOT, *self.path(label))[-2]

    @cached_property
    def index(self) -> Dict[str, int]:
        """RETURNS (Dict[str, int]): Column of each leaf."""
        return {leaf: column for column, leaf in enumerate(self.leaves)}

    @cached_property
    def ranges(self) -> Dict[str, Tuple[int, int]]:
        """RETURNS (Dict[str, Tuple[int, int]]): For each node the first column
        below it and the one after the last, in depth-first order.
        """
        ranges: Dict[str, Tuple[int, int]] = {}
        for column, leaf in enumerate(self.leaves):
            for node in self.path(leaf):
                ranges[node] = (ranges.get(node, (column, 0))[0], column + 1)
        return ranges

    @cached_property
    def nodes(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Inner nodes and leaves, depth-first."""
        return tuple(self.ranges)

    @cached_property
    def pooled(self) -> FrozenSet[str]:
        """RETURNS (FrozenSet[str]): The leaves that are in an Other."""
        return frozenset(self.leaves[m] for other in self.others for m in other.members)

    @cached_property
    def other_of(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Index of the Other of each leaf, -1 for none."""
        other_of = numpy.full(len(self.leaves), -1, dtype="int64")
        for i, other in enumerate(self.others):
            other_of[list(other.members)] = i
        return other_of

    @cached_property
    def other_members(self) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): The members of all Others, one
        Other after the other, and where each starts.
        """
        columns = [column for other in self.others for column in other.members]
        sizes = [len(other.members) for other in self.others]
        starts = numpy.cumsum(sizes, dtype="int64") - sizes
        return numpy.asarray(columns, dtype="int64"), starts

    @cached_property
    def class_counts(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Training documents of each leaf, float64 of shape
        (leaves,), half a one for none. An Other competes as the k labels that it pools,
        not as one, so its members get their mean count.
        """
        counts = numpy.asarray(self.counts, dtype="float64")
        for other in self.others:
            members = list(other.members)
            counts[members] = counts[members].mean()
        return numpy.where(counts > 0, counts, 0.5)

    @cached_property
    def log_odds(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Log odds of each leaf by its class_counts, against
        all documents without it, float64 of shape (leaves,).
        """
        counts = self.class_counts
        # Without documents, as if each label had half a one for itself.
        n_docs = self.n_docs or counts.sum()
        # A label of all documents counts as missing in half a document.
        return numpy.log(counts) - numpy.log(numpy.maximum(n_docs - counts, 0.5))

    def compatible(self, label: str) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The columns that a gold label allows, ascending: a
        leaf its own, a pooled leaf all of its Other, an inner node all below it.
        """
        if label in self.pooled:
            other = self.others[self.other_of[self.index[label]]]
            return numpy.asarray(other.members)
        return numpy.arange(*self.ranges[label])

    def spread(
        self, values: Mapping[str, float], default: float = 0.0
    ) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What look_up finds for each leaf.

        RAISES (ValueError): L314 if a value is that of no node.
        """
        self.check_nodes(values)
        return look_up(self.leaves, values, default, self.separator)

    def check_nodes(self, names: Iterable[str]) -> None:
        """RAISES (ValueError): L314 if one is no node, nor "", the root."""
        for name in names:
            if name != ROOT and name not in self.ranges:
                similar = find_similar(name, self.nodes)
                raise ValueError(Errors.L314.format(node=name, similar=similar))

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only, read by from_dict."""
        n_docs = {} if self.n_docs is None else {"n_docs": self.n_docs}
        others = [{"parent": o.parent, "members": list(o.members)} for o in self.others]
        return {
            **n_docs,
            "leaves": list(self.leaves),
            "counts": list(self.counts),
            "inner_counts": dict(self.inner_counts),
            "separator": self.separator,
            "others": others,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Taxonomy":
        """Read what to_dict wrote.

        RAISES (ValueError): L007 if that can't be.
        """
        try:
            tree = cls(**_read_tree(data))
            _check_tree(tree)
        except DamagedError as error:
            raise ValueError(Errors.L007.format(problem=error.problem)) from error
        return tree


def build_taxonomy(
    counts: Mapping[str, int],
    *,
    min_count: int = 0,
    keep: Iterable[str] = (),
    separator: str = SEPARATOR,
    n_docs: Optional[int] = None,
    min_leaves: int = 2,
    one_other: bool = False,
) -> Taxonomy:
    """Build the label tree from the counts of the labels and pool its tail.

    A leaf with fewer than min_count documents is pooled in the Other of its
    parent. An Other that would pool one leaf keeps the leaf; one with fewer than
    min_count documents in total moves up to the Other of the next ancestor, at
    last to that of the root.

    counts (Mapping[str, int]): Training documents of each label, a full path. A
        label with others below it is an inner node.
    min_count (int): From 0, pool nothing.
    keep (Iterable[str]): Labels that are never pooled; an inner node stands for
        the leaves below it.
    separator (str): What joins the segments of a path.
    n_docs (Optional[int]): Training documents, if one can have several labels.
    min_leaves (int): Fewest leaves that can be learned from: labels that exclude each
        other have to be two.
    RETURNS (Taxonomy): The tree.
    RAISES (ValueError): L001 to L006, see there.
    """
    check_settings(min_count=min_count, separator=separator)
    paths = {split_path(label, separator): label for label in counts}
    check_counts(counts)
    inner = {path[:depth] for path in paths for depth in range(1, len(path))}
    leaves = tuple(paths[path] for path in sorted(set(paths) - inner))
    stopped = [paths[path] for path in sorted(set(paths) & inner)]
    if len(leaves) < min_leaves:
        text = Errors.L002.format(n=len(leaves), labels=list(leaves), least=min_leaves)
        raise ValueError(text)
    taxonomy = Taxonomy(
        leaves=leaves,
        counts=tuple(int(counts[leaf]) for leaf in leaves),
        inner_counts={label: int(counts[label]) for label in stopped if counts[label]},
        separator=separator,
        n_docs=n_docs,
    )
    return _pool(taxonomy, min_count, keep, one_other)


def _read_tree(data: Any) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The fields of a taxonomy, of the right types."""
    check_type(data, Mapping, "it")
    missing = {"leaves", "counts", "separator", "others"} - set(data)
    for other in check_type(data.get("others", []), list, "'others'"):
        check_type(other, Mapping, "an Other")
        missing |= {"parent", "members"} - set(other)
    if missing:
        refuse(f"the keys {sorted(missing)} are missing")
    inner_counts = check_type(data.get("inner_counts", {}), dict, "'inner_counts'")
    members = [m for o in data["others"] for m in check_type(o["members"], list, "it")]
    counts = [*check_type(data["counts"], list, "'counts'"), *inner_counts.values()]
    n_docs = data.get("n_docs")
    for number in (*counts, *members, *([] if n_docs is None else [n_docs])):
        check_type(number, int, "a count or a column")
    check_texts([other["parent"] for other in data["others"]], "the parents")
    return {
        "leaves": tuple(check_texts(data["leaves"], "'leaves'", distinct=True)),
        "counts": tuple(data["counts"]),
        "inner_counts": dict(inner_counts),
        "separator": check_type(data["separator"], str, "'separator'"),
        "others": tuple(
            Other(o["parent"], tuple(o["members"])) for o in data["others"]
        ),
        "n_docs": n_docs,
    }


def _check_tree(tree: Taxonomy) -> None:
    """RAISES (ValueError): L001, L005 or L361 if build_taxonomy can't have made it."""
    check_settings(min_count=0, separator=tree.separator)
    paths = [split_path(leaf, tree.separator) for leaf in tree.leaves]
    inner = {path[:depth] for path in paths for depth in range(1, len(path))}
    if not paths or paths != sorted(paths) or inner.intersection(paths):
        refuse("its leaves aren't in depth-first order")
    most = max(tree.counts, default=0) if tree.n_docs is None else tree.n_docs
    if any(not 0 <= n <= most for n in tree.counts) or len(tree.counts) != len(paths):
        refuse("its leaves, counts and documents don't fit together")
    nodes = {tree.separator.join(path) for path in inner}
    if set(tree.inner_counts) - nodes or min(tree.inner_counts.values(), default=0) < 0:
        refuse("its 'inner_counts' aren't those of inner nodes")
    parents = [other.parent for other in tree.others]
    columns: Set[int] = set()
    if parents != sorted(set(parents)) or set(parents) - nodes - {ROOT}:
        refuse("the parents of its Others aren't inner nodes in order")
    for other in tree.others:
        members = other.members
        first, end = tree.ranges.get(other.parent, (0, len(paths)))
        is_ascending = list(members) == sorted(set(members)) and len(members) > 1
        if not is_ascending or members[0] < first or members[-1] >= end:
            refuse(f"the pooled columns don't fit together below {other.parent!r}")
        if columns.intersection(members):
            refuse("the pooled columns don't fit together: one is in two Others")
        columns.update(members)


def check_counts(counts: Mapping[str, Any]) -> None:
    """RAISES (ValueError): L006 if one isn't a whole number of documents."""
    for label, count in counts.items():
        if not is_count(count):
            raise ValueError(Errors.L006.format(label=label, value=count))


def check_settings(*, min_count: int, separator: str) -> None:
    """RAISES (ValueError): L004, L005 if one is out of range."""
    if not is_count(min_count):
        raise ValueError(Errors.L004.format(value=min_count))
    if not isinstance(separator, str) or not separator:
        raise ValueError(Errors.L005.format(value=separator))


def split_path(label: str, separator: str) -> Tuple[str, ...]:
    """Split a label in its segments.

    RAISES (ValueError): L001 if one of them is empty.
    """
    path = tuple(label.split(separator))
    for index, segment in enumerate(path, start=1):
        if not segment.strip():
            example = separator.join(("banking", "transfer"))
            text = Errors.L001.format(
                label=label, index=index, separator=separator, example=example
            )
            raise ValueError(text)
    return path


def add_nodes_above(labels: Iterable[str], separator: str) -> Set[str]:
    """RETURNS (Set[str]): The labels and all nodes above them."""
    nodes = set(labels)
    for label in labels:
        while separator in label:
            label = label.rpartition(separator)[0]
            nodes.add(label)
    return nodes


def look_up(
    labels: Iterable[str], values: Mapping[str, float], default: float, separator: str
) -> numpy.ndarray:
    """Find the value of each label: its own or that of the nearest node above it that
    has one.

    labels (Iterable[str]): Paths, of a taxonomy or not.
    values (Mapping[str, float]): By node, "" being the root.
    default (float): Where no node has one.
    RETURNS (numpy.ndarray): float64 array of shape (labels,).
    """

    def find(node: str) -> float:
        while node and node not in values:
            node = node.rpartition(separator)[0]
        return values.get(node, default)

    labels = list(labels)
    if not values:
        return numpy.full(len(labels), default, dtype="float64")
    return numpy.asarray([*map(find, labels)], dtype="float64")


def is_count(value: Any) -> bool:
    """RETURNS (bool): Whether it's a whole number of at least 0, like 3 or 3.0."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and 0 <= value < 2**63 and float(value).is_integer()


def _pool(
    taxonomy: Taxonomy, min_count: int, keep: Iterable[str], one_other: bool
) -> Taxonomy:
    is_rare = numpy.asarray(taxonomy.counts) < min_count
    for name in keep:
        if name not in taxonomy.ranges:
            similar = find_similar(name, taxonomy.nodes)
            raise ValueError(Errors.L003.format(label=name, similar=similar))
        is_rare[slice(*taxonomy.ranges[name])] = False
    rare: Dict[str, List[int]] = {}
    for column in numpy.flatnonzero(is_rare).tolist():
        parent = ROOT if one_other else taxonomy.parent(taxonomy.leaves[column])
        rare.setdefault(parent, []).append(column)
    others: List[Other] = []
    # From the bottom, so that what moves up is there when the ancestor's turn comes.
    inner = [node for node in taxonomy.nodes if node not in taxonomy.index]
    inner.sort(key=lambda node: node.count(taxonomy.separator), reverse=True)
    for node in [*inner, ROOT]:
        members = sorted(rare.pop(node, []))
        if len(members) < 2:
            continue
        total = sum(taxonomy.counts[member] for member in members)
        if total < min_count and node != ROOT:
            rare.setdefault(taxonomy.parent(node), []).extend(members)
        else:
            others.append(Other(parent=node, members=tuple(members)))
    others.sort(key=lambda other: other.parent)
    return replace(taxonomy, others=tuple(others))
