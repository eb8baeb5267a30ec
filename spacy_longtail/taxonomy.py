from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from itertools import accumulate
from numbers import Real
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple

import numpy

from .errors import Errors

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
        """RETURNS (Tuple[str, ...]): The node's ancestors from the top, then the
        node itself: "a/b" gives ("a", "a/b").
        """
        segments = label.split(self.separator)
        return tuple(accumulate(segments, lambda *parts: self.separator.join(parts)))

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
        """RETURNS (numpy.ndarray): Index of each leaf's Other, -1 for none, of
        shape (leaves,).
        """
        other_of = numpy.full(len(self.leaves), -1, dtype="int64")
        for i, other in enumerate(self.others):
            other_of[list(other.members)] = i
        return other_of

    @cached_property
    def class_counts(self) -> numpy.ndarray:
        """Training documents per label of the class that a leaf is trained as.

        For a leaf of its own that is its count. An Other competes as the k labels
        that it pools, not as one, so its members get their mean count.

        RETURNS (numpy.ndarray): float64 array of shape (leaves,). A label without
            documents counts as half a document.
        """
        counts = numpy.asarray(self.counts, dtype="float64")
        for other in self.others:
            members = list(other.members)
            counts[members] = counts[members].mean()
        return numpy.where(counts > 0, counts, 0.5)

    @cached_property
    def log_odds(self) -> numpy.ndarray:
        """Log odds of each leaf against all documents without it.

        RETURNS (numpy.ndarray): float64 array of shape (leaves,). Members of an
            Other have their mean count, see class_counts.
        """
        counts = self.class_counts
        n_docs = counts.sum() if self.n_docs is None else self.n_docs
        # A label of all documents counts as missing in half a document.
        return numpy.log(counts) - numpy.log(numpy.maximum(n_docs - counts, 0.5))

    def compatible(self, label: str) -> numpy.ndarray:
        """Find the columns that a gold label allows: a leaf its own, a pooled
        leaf all of its Other, an inner node all below it.

        RETURNS (numpy.ndarray): int64 array, ascending.
        """
        column = self.index.get(label)
        if column is None:
            return numpy.arange(*self.ranges[label])
        other = self.other_of[column]
        if other < 0:
            return numpy.asarray([column])
        return numpy.asarray(self.others[other].members)

    def spread(self, values: Mapping[str, float], default: float) -> numpy.ndarray:
        """Give each leaf the value of the nearest node of its path that has one.

        values (Mapping[str, float]): By node, "" being the root.
        default (float): Where no node has one.
        RETURNS (numpy.ndarray): float64 array of shape (leaves,).
        RAISES (ValueError): L314 if there is no such node.
        """
        for node in values:
            if node != ROOT and node not in self.ranges:
                similar = find_similar(node, self.nodes)
                raise ValueError(Errors.L314.format(node=node, similar=similar))
        spread = numpy.full(len(self.leaves), values.get(ROOT, default), "float64")
        # Depth-first: what is below a node comes after it.
        for node, (start, end) in self.ranges.items():
            if node in values:
                spread[start:end] = values[node]
        return spread

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only, read by from_dict."""
        n_docs = {} if self.n_docs is None else {"n_docs": self.n_docs}
        return {
            **n_docs,
            "leaves": list(self.leaves),
            "counts": list(self.counts),
            "inner_counts": dict(self.inner_counts),
            "separator": self.separator,
            "others": [
                {"parent": other.parent, "members": list(other.members)}
                for other in self.others
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Taxonomy":
        """Read what to_dict wrote.

        RAISES (ValueError): L007 if a key is missing, a column is out of range or in
            more than one Other.
        """
        missing = {"leaves", "counts", "separator", "others"} - set(data)
        for other in data.get("others", ()):
            missing |= {"parent", "members"} - set(other)
        if missing:
            problem = f"the keys {sorted(missing)} are missing"
            raise ValueError(Errors.L007.format(problem=problem))
        taxonomy = cls(
            leaves=tuple(data["leaves"]),
            counts=tuple(data["counts"]),
            inner_counts=dict(data.get("inner_counts", {})),
            separator=data["separator"],
            others=tuple(
                Other(parent=other["parent"], members=tuple(other["members"]))
                for other in data["others"]
            ),
            n_docs=data.get("n_docs"),
        )
        columns = [m for other in taxonomy.others for m in other.members]
        n_leaves = len(taxonomy.leaves)
        if (
            len(taxonomy.counts) != n_leaves
            or len(set(columns)) != len(columns)
            or not set(columns) <= set(range(n_leaves))
        ):
            problem = "its leaves, counts and pooled columns don't fit together"
            raise ValueError(Errors.L007.format(problem=problem))
        return taxonomy


def build_taxonomy(
    counts: Mapping[str, int],
    *,
    min_count: int = 0,
    keep: Iterable[str] = (),
    separator: str = SEPARATOR,
    n_docs: Optional[int] = None,
    min_leaves: int = 2,
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
    for label, count in counts.items():
        if not _is_count(count):
            raise ValueError(Errors.L006.format(label=label, value=count))
    inner = {path[:depth] for path in paths for depth in range(1, len(path))}
    leaves = tuple(paths[path] for path in sorted(set(paths) - inner))
    if len(leaves) < min_leaves:
        text = Errors.L002.format(n=len(leaves), labels=list(leaves), least=min_leaves)
        raise ValueError(text)
    taxonomy = Taxonomy(
        leaves=leaves,
        counts=tuple(int(counts[leaf]) for leaf in leaves),
        inner_counts={
            paths[path]: int(counts[paths[path]])
            for path in sorted(set(paths) & inner)
            if counts[paths[path]]
        },
        separator=separator,
        n_docs=n_docs,
    )
    return _pool(taxonomy, min_count, keep)


def check_settings(*, min_count: int, separator: str) -> None:
    """Check the settings of a taxonomy before there are any data.

    RAISES (ValueError): L004, L005 if one is out of range.
    """
    if not _is_count(min_count):
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
            message = Errors.L001.format(
                label=label, index=index, separator=separator, example=example
            )
            raise ValueError(message)
    return path


def find_similar(name: str, names: Iterable[str]) -> str:
    """RETURNS (str): Up to three of the names that look like it, for a message."""
    return ", ".join(get_close_matches(name, list(names), cutoff=0.5)) or "–"


def _is_count(value: Any) -> bool:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and value >= 0 and float(value).is_integer()


def _pool(taxonomy: Taxonomy, min_count: int, keep: Iterable[str]) -> Taxonomy:
    kept: Set[int] = set()
    for name in keep:
        if name not in taxonomy.ranges:
            similar = find_similar(name, taxonomy.nodes)
            raise ValueError(Errors.L003.format(label=name, similar=similar))
        kept.update(range(*taxonomy.ranges[name]))
    rare: Dict[str, List[int]] = {}
    for column, (leaf, count) in enumerate(zip(taxonomy.leaves, taxonomy.counts)):
        if count < min_count and column not in kept:
            rare.setdefault(taxonomy.parent(leaf), []).append(column)
    others: List[Other] = []
    # From the bottom, so that what moves up is there when the ancestor's turn comes.
    inner = [node for node in taxonomy.nodes if node not in taxonomy.index]
    depths = {node: node.count(taxonomy.separator) for node in inner}
    for node in [*sorted(inner, key=depths.__getitem__, reverse=True), ROOT]:
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
