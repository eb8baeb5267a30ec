from operator import itemgetter
from struct import Struct
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from ...taxonomy import Taxonomy
from ..decision import KEY, read_stored
from ..decision_writer import count_tokens
from ..handover import Batch, Part


class Earlier(NamedTuple):
    """What the first stage's decisions were, a list item a document.

    labels (List[Optional[str]]): See Decision.
    given (List[Sequence[str]]): The labels of the document, if there can be several.
    origins (List[Tuple[str, str]]): Stage and reason.
    others (List[Optional[Tuple[str, float]]]): See Decision.
    """

    labels: List[Optional[str]]
    given: List[Sequence[str]]
    origins: List[Tuple[str, str]]
    others: List[Optional[Tuple[str, float]]]


class Decided(NamedTuple):
    """What the first stage has decided about documents, without abstention.

    rows (numpy.ndarray): Places of the documents in their batch.
    stored (List[Any]): What they store.
    known (numpy.ndarray): See Decision, of shape (docs,).
    masses (numpy.ndarray): Mass of the Other that has the most, -1.0 without any.
    shares (numpy.ndarray): Probability of the most probable label.
    best (List[str]): That label.
    parts (List[Part]): Where more is known of them.
    """

    rows: numpy.ndarray
    stored: List[Any]
    known: numpy.ndarray
    masses: numpy.ndarray
    shares: numpy.ndarray
    best: List[str]
    parts: List[Part]

    def select(self, chosen: numpy.ndarray) -> "Decided":
        """chosen (numpy.ndarray): A bool for each document."""
        places, parts = numpy.cumsum(chosen) - 1, []
        for batch, rows, own in self.parts:
            stays = chosen[rows]
            if stays.any():
                parts.append(Part(batch, places[rows[stays]], own[stays]))
        arrays = (self.rows, self.known, self.masses, self.shares)
        rows, known, masses, shares = (array[chosen] for array in arrays)
        kept = numpy.flatnonzero(chosen).tolist()
        stored, best = ([part[i] for i in kept] for part in (self.stored, self.best))
        return Decided(rows, stored, known, masses, shares, best, parts)

    def read_earlier(self) -> Earlier:
        n = len(self.stored)
        found = Earlier([*self.best], [()] * n, [("", "")] * n, [None] * n)
        for batch, rows, places in self.parts:
            pairs = list(zip(rows.tolist(), places.tolist()))
            if batch is not None:
                _read_batch(found, batch, pairs)
                pairs = [pair for pair in pairs if pair[1] in batch.changed]
            for row, _ in pairs:
                data = read_stored(self.stored[row])
                found.labels[row] = data["label"]
                found.given[row] = data.get("labels", ())
                found.origins[row] = data["stage"], data["reason"]
                found.others[row] = data["other"]
        return found

    def get_vectors(self) -> Optional[numpy.ndarray]:
        """RETURNS (Optional[numpy.ndarray]): What the first stage's encoder made of
        the documents, of shape (docs, width). None if it isn't known for all.
        """
        found: List[numpy.ndarray] = []
        for batch, _, places in self.parts:
            if batch is None or batch.vectors is None:
                return None
            found.append(batch.vectors[places])
        if not found:
            return None
        order = numpy.concatenate([rows for _, rows, _ in self.parts]).argsort()
        return numpy.concatenate(found)[order]

    def get_kinds(self, default: Any) -> List[Any]:
        """RETURNS (List[Any]): The kind with the settings that the source had when it
        decided about each document, the default if that isn't known.
        """
        kinds = [default] * len(self.stored)
        for batch, rows, _ in self.parts:
            if batch is not None:
                for row in rows.tolist():
                    kinds[row] = batch.kind
        return kinds


def _is_current(batch: Batch, source: Any, taxonomy: Taxonomy) -> bool:
    """RETURNS (bool): Whether the first stage would say the same now."""
    return batch.taxonomy is taxonomy and batch.n_updates == source.n_updates


def _part_changed(parts: List[Part], sizes: numpy.ndarray) -> Iterator[Part]:
    """Forget what is known of documents whose tokens were merged or split since.

    sizes (numpy.ndarray): Tokens that each document has now.
    """
    for batch, rows, places in parts:
        is_same = batch is None or batch.sizes[places] == sizes[rows]
        if numpy.all(is_same):
            yield Part(batch, rows, places)
        else:
            yield Part(batch, rows[is_same], places[is_same])
            yield Part(None, rows[~is_same], places[~is_same])


def _read_batch(found: Earlier, batch: Batch, pairs: List[Tuple[int, int]]) -> None:
    facts, leaves = batch.facts, batch.taxonomy.leaves
    others, masses = facts.others.tolist(), facts.masses.tolist()
    parents = [other.parent for other in batch.taxonomy.others]
    for row, place in pairs:
        found.origins[row] = batch.origin
        if parents:
            found.others[row] = parents[others[place]], masses[place]
    if facts.given is not None:
        counts, columns = facts.given
        ends = numpy.cumsum(counts)
        starts = (ends - counts).tolist()
        for row, place in pairs:
            own = columns[starts[place] : ends[place]].tolist()
            found.given[row] = [leaves[column] for column in own]


def read_decided(docs: List[Doc], source: Any, taxonomy: Taxonomy) -> Decided:
    """Read what documents store. Those that the first stage hasn't decided are left
    out.

    source (Any): The first stage.
    taxonomy (Taxonomy): Its labels.
    """
    stored = [doc.user_data.get(KEY) for doc in docs]
    known, masses, shares = numpy.zeros((3, len(docs)))
    is_decided, best = numpy.ones(len(docs), dtype=bool), [""] * len(docs)
    leaves, parts = taxonomy.leaves, []
    taken = source.handover.take(stored)
    for batch, rows, places in _part_changed(taken, count_tokens(docs)):
        if batch is not None and _is_current(batch, source, taxonomy):
            facts = batch.facts
            known[rows], masses[rows] = facts.known[places], facts.masses[places]
            shares[rows] = facts.shares[places, 0]
            for row, column in zip(rows.tolist(), facts.top[places, 0].tolist()):
                best[row] = leaves[column]
            parts.append(Part(batch, rows, places))
            continue
        for row in rows.tolist():
            data = read_stored(stored[row])
            if data.get("pipe") != source.kind.pipe:
                is_decided[row] = False
                continue
            known[row] = data["known"]
            masses[row] = data["other"][1] if data["other"] else -1.0
            # A first stage that has abstained has candidates, too.
            best[row], shares[row] = data["candidates"][0]
        parts.append(Part(None, rows, places))
    places = numpy.arange(len(docs))
    found = Decided(places, stored, known, masses, shares, best, parts)
    return found if is_decided.all() else found.select(is_decided)


def read_probabilities(
    docs: List[Doc], decided: Decided, stages: Any
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Read the first stage's probabilities of documents.

    RETURNS (Tuple[numpy.ndarray, numpy.ndarray]): In the columns of the extended
        taxonomy, zeros for run-time labels, float64 of shape (docs, labels), and which
        documents have all of the source's labels in `doc.cats`.
    """
    leaves, index = stages.source.taxonomy.leaves, stages.taxonomy.index
    found = numpy.zeros((len(docs), len(leaves)))
    has_all = numpy.zeros(len(docs), dtype=bool)
    for batch, rows, places in decided.parts:
        kind = stages.kind if batch is None else batch.kind
        if kind.settings.cats_top_k is None:
            # A component in between can have changed them.
            chosen = [docs[row].cats for row in rows.tolist()]
            found[rows], has_all[rows] = _read_cats(chosen, leaves)
        elif batch is not None:
            found[rows] = batch.facts.P[places]
        else:
            raw = stages.source.get_raw_scores([docs[row] for row in rows.tolist()])
            found[rows] = stages.source.apply_settings(raw, kind).probabilities
    if not stages.added:
        return found, has_all
    P = numpy.zeros((len(docs), len(index)))
    P[:, [index[leaf] for leaf in leaves]] = found
    P[:, stages.added_columns] = 0.0
    return P, has_all


def _read_cats(cats: List[Any], leaves: Tuple[str, ...]) -> Any:
    # Of a single key it gives no tuple.
    get = itemgetter(*leaves, leaves[0])
    layout = Struct(f"{len(leaves) + 1}d")
    has_all, data = [], []
    for own in cats:
        try:
            values = get(own)
        except KeyError:
            values = get({leaf: own.get(leaf, 0.0) for leaf in leaves})
            has_all.append(False)
        else:
            has_all.append(True)
        data.append(layout.pack(*values))
    P = numpy.frombuffer(b"".join(data), dtype="float64")
    return P.reshape((len(cats), -1))[:, :-1], has_all
