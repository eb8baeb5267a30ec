from typing import Any, Dict, List

from spacy.tokens import Doc

from ...ops import top_columns
from ..decision import (
    N_CANDIDATES,
    Prediction,
    abstain,
    back_off,
    find_similarity,
    get_stored,
    refine,
    store,
    write_cats,
)
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
        stages, rows = self.stages, judged.rows.tolist()
        least, routed = stages.settings.abstain_threshold, [docs[row] for row in rows]
        for i, decision in enumerate(self._describe(routed, refined)):
            doc = routed[i]
            self.kind.compare(decision, get_stored(doc), judged.others[i], stages)
            store(doc, decision)
            label, deficit = decision["label"], judged.deficit[i]
            if self.kind.is_refused(label, deficit, self.taxonomy):
                self._abstain(doc, decision, 0.0, "no candidate fits, by the ranker")
            elif decision["known"] < least:
                self._abstain(doc, decision, least, "no label is close enough")
        if least > 0 or stages.added:
            for row in set(range(len(docs))).difference(rows):
                self._write_rest(docs[row], least)
        if stages.settings.thresholds:
            self._back_off(docs)

    def _describe(self, docs: List[Doc], refined: Prediction) -> List[Any]:
        """Write `doc.cats`, and return the decisions by the refined probabilities."""
        decisions: List[Any] = [None] * len(docs)
        for kind, rows in self.stages.group(docs):
            P, known = (part[rows] for part in refined)
            top_k = kind.settings.cats_top_k
            top = top_columns(P, max(top_k or 0, N_CANDIDATES))
            found = self.stages.writer.describe(P, known, STAGE, "", top, kind)
            write_cats([docs[row] for row in rows], self.taxonomy, P, top_k, top)
            for row, decision in zip(rows, found):
                decisions[row] = decision
        return decisions

    def _write_rest(self, doc: Doc, least: float) -> None:
        """Complete a document that nobody had to look at again."""
        data = self._get_own(doc)
        if not data:
            return
        if self.stages.added and self.stages.get_kind(doc).settings.cats_top_k is None:
            doc.cats.update(dict.fromkeys(self.stages.added, 0.0))
        if data["known"] < least:
            decision = data.copy()
            refine(decision, data, None, data["other"])
            self._abstain(doc, decision, least, "no label is close enough")

    def _abstain(
        self, doc: Doc, data: Dict[str, Any], least: float, reason: str
    ) -> None:
        """Take the labels away. Probabilities are multiplied by the similarity to any
        label, so that they sum to less than 1 where they have summed to 1.
        """
        similarity = find_similarity(data)
        for label, probability in doc.cats.items():
            if label in self.taxonomy.index:
                doc.cats[label] = probability * similarity
        store(doc, abstain(data, least, reason))

    def _back_off(self, docs: List[Doc]) -> None:
        settings, index = self.stages.settings, self.taxonomy.index
        needed = self.taxonomy.spread(settings.thresholds).tolist()
        for doc in docs:
            data = self._get_own(doc)
            if data.get("label") is not None:
                threshold = needed[index[data["label"]]]
                store(doc, back_off(data, threshold, settings.ancestor_threshold))

    def _get_own(self, doc: Doc) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The first stage's decision, empty without one."""
        data = get_stored(doc)
        return data if data.get("pipe") == self.kind.pipe else {}
