from functools import cached_property
from itertools import islice
from typing import (
    Any,
    Callable,
    Container,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

import numpy
from spacy.tokens import Doc

from ..ops import top_columns
from ..taxonomy import Taxonomy
from . import stored
from .decision import KEY, Prediction
from .stored import pack_text, pack_texts

N_CANDIDATES = 5
# Numbers that belong to a document beside its probabilities and its vector.
PER_DOC = 64
GetLevelsT = Callable[[numpy.ndarray, numpy.ndarray], numpy.ndarray]
# How many labels each document has, and their columns, one document after the other.
GivenT = Tuple[numpy.ndarray, numpy.ndarray]


class Facts(NamedTuple):
    """What decisions are by leaf probabilities.

    P, known (numpy.ndarray): See Prediction.
    top, shares (numpy.ndarray): Columns and probabilities of the candidates, the most
        probable first, of shape (docs, candidates).
    masses (numpy.ndarray): Mass of the Other that has the most, of shape (docs,), -1.0
        if nothing is pooled.
    others (numpy.ndarray): Number of that Other.
    given (Optional[GivenT]): The labels of each document. None if that is the best one.
    """

    P: numpy.ndarray
    known: numpy.ndarray
    top: numpy.ndarray
    shares: numpy.ndarray
    masses: numpy.ndarray
    others: numpy.ndarray
    given: Optional[GivenT]


class Batch(NamedTuple):
    """What a first stage knows of a batch of documents.

    stored (List[bytes]): What it has stored with them: who has one of these very
        objects has the decision that belongs to it.
    kind (Any): The kind by whose settings it has decided.
    taxonomy (Taxonomy): The labels.
    facts (Facts): The decisions. Without probabilities if `doc.cats` has them all.
    origin (Tuple[str, str]): Their stage and reason.
    changed (Container[int]): Places of those that were changed since.
    vectors (Optional[numpy.ndarray]): What the encoder made of the documents, of shape
        (docs, width).
    sizes (numpy.ndarray): Tokens of each document, which can be merged or split later.
    n_updates (int): How often the first stage was changed before.
    """

    stored: List[bytes]
    kind: Any
    taxonomy: Taxonomy
    facts: Facts
    origin: Tuple[str, str]
    changed: Container[int]
    vectors: Optional[numpy.ndarray]
    sizes: numpy.ndarray
    n_updates: int = 0

    def count_numbers(self) -> int:
        size = 0 if self.vectors is None else self.vectors.size
        return size + self.facts.P.size + PER_DOC * len(self.stored)


class Before(NamedTuple):
    """What a second stage has to say about the first one, a list item a document.

    texts (List[bytes]): The label and, if there can be several, the labels.
    is_there (List[bool]): Whether there was a label.
    counts (List[int]): How many labels there were, if there can be several.
    other (Optional[Tuple[List[float], List[bytes]]]): Mass and parent of the Other to
        keep, -1.0 for none. None takes that of the new facts.
    """

    texts: List[bytes]
    is_there: List[bool]
    counts: List[int]
    other: Optional[Tuple[List[float], List[bytes]]]


class DecisionWriter:
    """Turns leaf probabilities into what a Doc stores.

    taxonomy (Taxonomy): The label tree. What depends on it alone is worked out once.
    kind (Any): The LabelKind of the decisions.
    get_levels (GetLevelsT): Gets leaf probabilities and the column of each document's
        best label. Returns the probability of each node of its path, float64 of shape
        (docs, levels), those of a shorter path padded.
    """

    def __init__(self, taxonomy: Taxonomy, kind: Any, get_levels: GetLevelsT) -> None:
        self.taxonomy = taxonomy
        self.kind = kind
        self.get_levels = get_levels

    # Texts and what is stored of them, as arrays of objects to look many up at once.

    @cached_property
    def labels(self) -> numpy.ndarray:
        return numpy.asarray(self.taxonomy.leaves, dtype=object)

    @cached_property
    def names(self) -> numpy.ndarray:
        return numpy.asarray([*map(pack_text, self.taxonomy.leaves)], dtype=object)

    @cached_property
    def paths(self) -> Tuple[numpy.ndarray, numpy.ndarray]:
        """RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): Of each leaf, its nodes and
        how many these are.
        """
        paths = [self.taxonomy.path(leaf) for leaf in self.taxonomy.leaves]
        texts = numpy.asarray([*map(pack_texts, paths)], dtype=object)
        return texts, numpy.asarray([*map(len, paths)], dtype="int64")

    @cached_property
    def parents(self) -> numpy.ndarray:
        parents = [pack_text(other.parent) for other in self.taxonomy.others]
        return numpy.asarray(parents or [b""], dtype=object)

    def find(
        self,
        P: numpy.ndarray,
        known: numpy.ndarray,
        kind: Any,
        top: Optional[numpy.ndarray] = None,
    ) -> Facts:
        """Find what the decisions are.

        kind (Any): The kind as it was when P was found, see LabelKind.freeze.
        top (Optional[numpy.ndarray]): What top_columns gives for at least
            N_CANDIDATES, if that is known.
        """
        top = (top_columns(P, N_CANDIDATES) if top is None else top)[:, :N_CANDIDATES]
        shares = take_columns(P, top).astype("float64")
        masses, others = self._find_largest(P)
        given = kind.get_labels(P, self.taxonomy)
        return Facts(P, known, top, shares, masses, others, given)

    def sum_others(self, P: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Mass of each Other, of shape (docs, Others)."""
        members, starts = self.taxonomy.other_members
        if not len(members):
            return numpy.zeros((len(P), 0), dtype=P.dtype)
        return numpy.add.reduceat(numpy.take(P, members, axis=1), starts, axis=1)

    def _find_largest(self, P: numpy.ndarray) -> Tuple[numpy.ndarray, numpy.ndarray]:
        masses = self.sum_others(P)
        if not masses.shape[1]:
            return numpy.full(len(P), -1.0), numpy.zeros(len(P), dtype="int64")
        best = masses.argmax(axis=1)
        # Probabilities of 32 bits can sum to a little more than 1.
        masses = numpy.minimum(masses[numpy.arange(len(P)), best], 1.0)
        return masses.astype("float64"), best

    def pack(
        self, facts: Facts, origins: Iterable[bytes], before: Optional[Before] = None
    ) -> List[bytes]:
        """RETURNS (List[bytes]): What each document stores.

        origins (Iterable[bytes]): See pack_origin.
        """
        paths = self.paths[0][facts.top[:, 0]]
        masses, parents = facts.masses, self.parents[facts.others]
        if before is not None and before.other is not None:
            masses = numpy.asarray(before.other[0])
            parents = numpy.asarray(before.other[1], dtype=object)
        columns = [self._pack_numbers(facts, masses, before), origins, paths]
        columns += [numpy.where(masses < 0, b"", parents), *self.names[facts.top].T]
        if facts.given is not None:
            columns.append(self._pack_given(*facts.given))
        if before is not None:
            columns.append(before.texts)
        return [b"".join(row) for row in zip(*map(_to_list, columns))]

    def _pack_numbers(
        self, facts: Facts, masses: numpy.ndarray, before: Optional[Before]
    ) -> List[bytes]:
        best, depths = facts.top[:, 0], self.paths[1]
        levels = self.get_levels(facts.P, best)
        layout = stored.get_row_type(facts.top.shape[1], levels.shape[1])
        rows = numpy.zeros(len(best), dtype=layout)
        rows["format"] = stored.FORMAT
        flags = numpy.full(len(best), stored.PIPE | stored.LABEL | stored.BEST)
        flags |= numpy.where(masses < 0, 0, stored.OTHER)
        rows["n_levels"], rows["n_candidates"] = depths[best], facts.top.shape[1]
        if facts.given is not None:
            flags |= stored.LABELS
            rows["n_labels"] = facts.given[0]
        if before is not None:
            is_there = numpy.asarray(before.is_there, dtype=bool)
            flags |= stored.REFINED | numpy.where(is_there, stored.FIRST, 0)
            rows["n_before"] = before.counts
        rows["flags"], rows["known"] = flags, facts.known
        rows["probability"], rows["mass"] = facts.shares[:, 0], numpy.maximum(masses, 0)
        rows["candidates"], rows["levels"] = facts.shares, levels
        data, size = rows.tobytes(), layout.itemsize
        ends = size - 8 * (levels.shape[1] - depths[best])
        starts = range(0, len(data), size)
        return [data[start : start + end] for start, end in zip(starts, ends.tolist())]

    def _pack_given(self, counts: numpy.ndarray, columns: numpy.ndarray) -> List[bytes]:
        names, ends = self.names[columns].tolist(), numpy.cumsum(counts).tolist()
        starts = [0, *ends]
        return [b"".join(names[start:end]) for start, end in zip(starts, ends)]

    def annotate(self, docs: List[Doc], prediction: Prediction) -> Batch:
        """Write `doc.cats` and the decisions of a first stage."""
        P, known = prediction
        kind = getattr(prediction, "kind", None) or self.kind.freeze()
        top_k = kind.settings.cats_top_k
        top = top_columns(P, max(top_k or 0, N_CANDIDATES))
        origin = kind.factory, kind.reason
        facts, found = self.describe(P, known, *origin, top=top, kind=kind)
        decisions = kind.back_off(facts, found, self.taxonomy)
        pairs = enumerate(zip(found, decisions))
        changed = {row for row, (own, new) in pairs if own is not new}
        self.write_cats(docs, P, top_k, top)
        store(docs, decisions)
        if top_k is None:
            # They are read from `doc.cats`.
            facts = facts._replace(P=numpy.empty((len(P), 0), P.dtype))
        more = getattr(prediction, "vectors", None), count_tokens(docs)
        return Batch(decisions, kind, self.taxonomy, facts, origin, changed, *more)

    def write_cats(
        self,
        docs: List[Doc],
        P: numpy.ndarray,
        top_k: Optional[int],
        top: numpy.ndarray,
    ) -> None:
        """Write the probabilities of shape (docs, leaves) to `doc.cats`: of all leaves,
        or of the top_k most probable ones only, see top_columns.
        """
        leaves, own = self.taxonomy.leaves, self.taxonomy.index
        if top_k is None:
            # A copy of a dict is faster than one that grows.
            blank: Dict[str, float] = dict.fromkeys(leaves, 0.0)
            for doc, row in zip(docs, P):
                cats = doc.cats or blank.copy()
                cats.update(zip(leaves, row.tolist()))
                doc.cats = cats
            return
        top = top[:, :top_k]
        k, shares = top.shape[1], take_columns(P, top)
        # Without a list per document, which the garbage collector would count.
        pairs = zip(self.labels[top].ravel().tolist(), shares.ravel().tolist())
        for doc in docs:
            cats = dict(islice(pairs, k))
            if doc.cats:
                others = [pair for pair in doc.cats.items() if pair[0] not in own]
                cats = {**dict(others), **cats}
            doc.cats = cats

    def describe(
        self,
        P: numpy.ndarray,
        known: numpy.ndarray,
        stage: str,
        reason: str,
        *,
        top: Optional[numpy.ndarray] = None,
        kind: Optional[Any] = None,
    ) -> Tuple[Facts, List[bytes]]:
        """Describe the decision for each document.

        stage, reason (str): See Decision.
        kind (Optional[Any]): See find. None takes it as it is now.
        RETURNS (Tuple[Facts, List[bytes]]): The decisions, and what documents store.
        """
        kind = kind or self.kind.freeze()
        facts = self.find(P, known, kind, top)
        origin = pack_origin(kind.pipe, stage, reason)
        return facts, self.pack(facts, [origin] * len(P))


def count_tokens(docs: List[Doc]) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Tokens of each document, int64, (docs,)."""
    return numpy.fromiter(map(len, docs), "int64", len(docs))


def take_columns(P: numpy.ndarray, columns: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Values in columns of each row, of their shape."""
    return P[numpy.arange(len(P))[:, None], columns]


def pack_origin(pipe: str, stage: str, reason: str) -> bytes:
    """RETURNS (bytes): Who decided, and why."""
    return pack_texts([pipe, stage, reason])


def _to_list(values: Any) -> List[Any]:
    return values.tolist() if isinstance(values, numpy.ndarray) else values


def store(docs: Iterable[Doc], decisions: Iterable[bytes]) -> None:
    """Write the decisions to documents."""
    for doc, decision in zip(docs, decisions):
        doc.user_data[KEY] = decision
