from typing import Any, Dict, List, Optional, Tuple

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
    write_cats,
)
from ..stored import pack_decision, pack_text, pack_texts
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
        places = judged.routed[rows].tolist()
        stored = [read_stored(judged.decided.stored[place]) for place in places]
        origins, before = self._compare(facts, stored, others, kind)
        decisions = self.stages.writer.pack(facts, origins, before)
        store(docs, decisions)
        if top_k is None and not self.stages.added:
            is_new = P != judged.P[rows]
            is_new[~judged.has_all[rows]] = True
            self._update_cats(docs, P, is_new)
        else:
            write_cats(docs, self.taxonomy, P, top_k, top)
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
        self, facts: Facts, stored: List[DataT], others: List[List[int]], kind: Any
    ) -> Tuple[List[bytes], Before]:
        """RETURNS (Tuple[List[bytes], Before]): Who decided, and what the first stage
        had decided.
        """
        reasons = kind.get_reasons(facts, stored, others, self.stages)
        origins: Dict[Any, bytes] = {}
        keys = [
            (data["stage"], data["reason"]) if reason is None else (STAGE, reason)
            for data, reason in zip(stored, reasons)
        ]
        for key in set(keys):
            origins[key] = pack_origin(kind.pipe, *key)
        texts, is_there, counts = [], [], []
        for data in stored:
            first, labels = data["label"], data.get("labels", ())
            is_there.append(first is not None)
            given = labels if kind.allows_several else ()
            counts.append(len(given))
            texts.append(pack_texts([*([] if first is None else [first]), *given]))
        other = None if kind.moves_others(self.stages) else _pack_others(stored)
        before = Before(texts, is_there, counts, other)
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


def _pack_others(stored: List[DataT]) -> Optional[Tuple[List[float], List[bytes]]]:
    others = [data["other"] or ("", -1.0) for data in stored]
    parents: Dict[str, bytes] = {parent: pack_text(parent) for parent, _ in others}
    return [mass for _, mass in others], [parents[parent] for parent, _ in others]
