from itertools import chain
from typing import Any, Dict, List, Tuple

import numpy
from spacy.tokens import Doc

from ...ops import top_columns
from ..decision import (
    KEY,
    DataT,
    Prediction,
    abstain,
    back_off,
    find_similarity,
    read_stored,
    refine,
)
from ..decision_writer import (
    N_CANDIDATES,
    Before,
    Facts,
    pack_origin,
    store,
)
from ..stored import pack_decision, pack_text
from .decided import Earlier
from .router import Judged, Stages

STAGE = "zero_shot_fallback"


class RefinedWriter:
    """Writes what both stages found together to documents.

    stages (Stages): The stages, and the labels of both.
    """

    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        self.taxonomy = stages.taxonomy
        self.kind = stages.kind

    def write(self, docs: List[Doc], judged: Judged, refined: Prediction) -> None:
        """Write `doc.cats` and the decisions of a batch. What is refined are its routed
        documents.
        """
        least = self.stages.settings.abstain_threshold
        kinds = judged.decided.get_kinds(self.kind)
        alike: Dict[int, List[int]] = {}
        for i, place in enumerate(judged.routed.tolist()):
            alike.setdefault(id(kinds[place]), []).append(i)
        for rows in alike.values():
            self._refine(docs, judged, refined, rows, kinds[judged.routed[rows[0]]])
        if least > 0 or self.stages.added:
            rest = set(range(len(kinds))).difference(judged.routed.tolist())
            for place in sorted(rest):
                doc = docs[judged.decided.rows[place]]
                if self.stages.added and kinds[place].settings.cats_top_k is None:
                    doc.cats.update(dict.fromkeys(self.stages.added, 0.0))
                if judged.decided.known[place] < least:
                    data = read_stored(judged.decided.stored[place])
                    decision = dict(data)
                    refine(decision, data, None, data["other"])
                    self._abstain(doc, decision, least, "no label is close enough")
        if self.stages.settings.thresholds:
            self._back_off([docs[row] for row in judged.decided.rows.tolist()])

    def _refine(
        self,
        docs: List[Doc],
        judged: Judged,
        refined: Prediction,
        rows: List[int],
        kind: Any,
    ) -> None:
        """Write to routed documents, whose first stage had the same settings."""
        docs = [docs[row] for row in judged.rows[rows].tolist()]
        P, known = (part[rows] for part in refined)
        top_k = kind.settings.cats_top_k
        top = top_columns(P, max(top_k or 0, N_CANDIDATES))
        facts = self.stages.writer.find(P, known, kind, top)
        others = [judged.others[row] for row in rows]
        is_chosen = numpy.zeros(len(judged.decided.rows), dtype=bool)
        is_chosen[judged.routed[rows]] = True
        earlier = judged.decided.select(is_chosen).read_earlier()
        origins, before = self._compare(facts, earlier, others, kind)
        decisions = self.stages.writer.pack(facts, origins, before)
        store(docs, decisions)
        if top_k is None and not self.stages.added:
            is_new = P != judged.P[rows]
            is_new[~judged.has_all[rows]] = True
            self._update_cats(docs, P, is_new)
        else:
            self.stages.writer.write_cats(docs, P, top_k, top)
        self._take_back(docs, decisions, facts, judged.deficit[rows])

    def _update_cats(
        self, docs: List[Doc], P: numpy.ndarray, is_new: numpy.ndarray
    ) -> None:
        leaves, (rows, columns) = self.taxonomy.leaves, numpy.nonzero(is_new)
        names = [leaves[column] for column in columns.tolist()]
        values, ends = P[rows, columns].tolist(), numpy.cumsum(is_new.sum(axis=1))
        start = 0
        for doc, end in zip(docs, ends.tolist()):
            doc.cats.update(zip(names[start:end], values[start:end]))
            start = end

    def _compare(
        self, facts: Facts, earlier: Earlier, others: List[List[int]], kind: Any
    ) -> Tuple[List[bytes], Before]:
        """RETURNS (Tuple[List[bytes], Before]): Who decided, and what the first stage
        had decided.
        """
        reasons = kind.get_reasons(facts, earlier, others, self.stages)
        keys = [
            origin if reason is None else (STAGE, reason)
            for origin, reason in zip(earlier.origins, reasons)
        ]
        origins = {key: pack_origin(kind.pipe, *key) for key in set(keys)}
        parents = [None if other is None else other[0] for other in earlier.others]
        names = {*earlier.labels, *parents, *chain.from_iterable(earlier.given)}
        texts = {name: b"" if name is None else pack_text(name) for name in names}
        firsts = [
            b"".join([texts[label], *[texts[name] for name in given]])
            for label, given in zip(earlier.labels, earlier.given)
        ]
        kept = None
        if not kind.moves_others(self.stages):
            masses = [-1.0 if other is None else other[1] for other in earlier.others]
            kept = masses, [texts[parent] for parent in parents]
        is_there = [label is not None for label in earlier.labels]
        before = Before(firsts, is_there, [*map(len, earlier.given)], kept)
        return [origins[key] for key in keys], before

    def _take_back(
        self,
        docs: List[Doc],
        decisions: List[bytes],
        facts: Facts,
        deficit: numpy.ndarray,
    ) -> None:
        """Take the labels away that nothing speaks for."""
        least = self.stages.settings.abstain_threshold
        leaves, best = self.taxonomy.leaves, facts.top[:, 0].tolist()
        for row in numpy.flatnonzero((deficit > 0) | (facts.known < least)).tolist():
            data, label = read_stored(decisions[row]), leaves[best[row]]
            if self.kind.is_refused(label, float(deficit[row]), self.taxonomy):
                reason = "no candidate fits, by the ranker"
                self._abstain(docs[row], data, 0.0, reason)
            elif facts.known[row] < least:
                self._abstain(docs[row], data, least, "no label is close enough")

    def _abstain(self, doc: Doc, data: DataT, least: float, reason: str) -> None:
        """Take the labels away. Probabilities are multiplied by the similarity to any
        label, so that they sum to less than 1 where they have summed to 1.
        """
        similarity = find_similarity(data)
        for label, probability in doc.cats.items():
            if label in self.taxonomy.index:
                doc.cats[label] = probability * similarity
        doc.user_data[KEY] = pack_decision(abstain(data, least, reason))

    def _back_off(self, docs: List[Doc]) -> None:
        settings, index = self.stages.settings, self.taxonomy.index
        needed = self.taxonomy.spread(settings.thresholds).tolist()
        for doc in docs:
            data = read_stored(doc.user_data[KEY])
            if data["label"] is not None:
                threshold = needed[index[data["label"]]]
                found = back_off(data, threshold, settings.ancestor_threshold)
                if found is not data:
                    doc.user_data[KEY] = pack_decision(found)
