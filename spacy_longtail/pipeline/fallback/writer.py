from typing import Any, Dict, List

import numpy
from spacy.tokens import Doc

from ...ops import top_columns
from ..decision import KEY, Decision, write_decision
from .refinement import Judged, Stages
from .settings import FallbackSettings

STAGE = "zero_shot_fallback"


class RefinedWriter:
    """Writes what both stages found together to documents.

    stages (Stages): The stages, and the labels of both.
    """

    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        self.taxonomy = stages.taxonomy
        self.kind = stages.source.kind
        self._describe = self.kind.make_writer(stages.taxonomy).describe

    def write(
        self,
        docs: List[Doc],
        judged: Judged,
        P: numpy.ndarray,
        settings: FallbackSettings,
    ) -> None:
        """Write `doc.cats` and the decision.

        docs (List[Doc]): The batch.
        judged (Judged): Which of them were ranked again, and what was found.
        P (numpy.ndarray): Refined probabilities, of shape (routed, labels).
        settings (FallbackSettings): How sure a decision has to be.
        """
        stages, least, found = self.stages, settings.abstain_threshold, []
        if len(P):
            known = self.kind.find_known(P, judged, stages)
            found = self._describe(P, known, STAGE, "")
        rows = judged.rows.tolist()
        for i, row in enumerate(rows):
            doc, decision = docs[row], Decision.from_dict(found[i])
            before = Decision.from_dict(doc.user_data[KEY])
            decision = self.kind.compare(decision, before, judged.others[i], stages)
            write_decision(doc, decision)
            self._write_cats(doc, P[i])
            if self.kind.is_refused(decision, judged.deficit[i], self.taxonomy):
                self._abstain(doc, decision, 0.0, "no candidate fits, by the ranker")
            elif decision.known < least:
                self._abstain(doc, decision, least, "no label is close enough")
        rest = set(range(len(docs))) - set(rows)
        for doc in (docs[row] for row in sorted(rest)):
            self._write_rest(doc, least)
        if settings.thresholds:
            self._back_off(docs, settings)

    def _back_off(self, docs: List[Doc], settings: FallbackSettings) -> None:
        needed = self.taxonomy.spread(settings.thresholds).tolist()
        for doc in docs:
            data = self._get_own(doc)
            label = data.get("label")
            threshold = 0.0 if label is None else needed[self.taxonomy.index[label]]
            if label is not None and data["probability"] < threshold:
                decision = Decision.from_dict(data)
                above = settings.ancestor_threshold
                write_decision(doc, decision.back_off(threshold, above))

    def _get_own(self, doc: Doc) -> Dict[str, Any]:
        """Get the first stage's decision as it is stored: most stay as they are.

        RETURNS (Dict[str, Any]): Empty if there is none.
        """
        data = doc.user_data.get(KEY) or {}
        return data if data.get("pipe") == self.kind.pipe else {}

    def _write_rest(self, doc: Doc, least: float) -> None:
        """Complete a document that nobody had to look at again."""
        data = self._get_own(doc)
        if not data:
            return
        if self.stages.added and self.stages.source.cats_top_k is None:
            doc.cats.update(dict.fromkeys(self.stages.added, 0.0))
        if data["known"] < least:
            decision = Decision.from_dict(data)
            decision = decision.refine(decision)
            self._abstain(doc, decision, least, "no label is close enough")

    def _write_cats(self, doc: Doc, P: numpy.ndarray) -> None:
        top_k, values = self.stages.source.cats_top_k, P.tolist()
        leaves, own = self.taxonomy.leaves, self.taxonomy.index
        if top_k is None:
            doc.cats.update(zip(leaves, values))
            return
        cats = {label: p for label, p in doc.cats.items() if label not in own}
        columns = top_columns(P[None], top_k)[0].tolist()
        cats.update((leaves[column], values[column]) for column in columns)
        doc.cats = cats

    def _abstain(self, doc: Doc, decision: Decision, least: float, reason: str) -> None:
        """Take the labels away. Probabilities are multiplied by the similarity to any
        label, so that they sum to less than 1 where they have summed to 1.
        """
        for label, probability in doc.cats.items():
            if label in self.taxonomy.index:
                doc.cats[label] = probability * decision.similarity
        write_decision(doc, decision.abstain(least, reason))
