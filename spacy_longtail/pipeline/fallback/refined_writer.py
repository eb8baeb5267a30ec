from typing import Any, Dict, List

import numpy
from spacy.tokens import Doc

from ...ops import top_columns
from ..decision import KEY
from ..thresholds import back_off, spread_thresholds
from .refinement import EPSILON, Judged
from .router import Stages
from .settings import FallbackSettings

STAGE = "zero_shot_fallback"
ABSTAINED = "abstained"


class RefinedWriter:
    """Writes what both stages found together to documents.

    stages (Stages): The stages, and the labels of both.
    """

    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        self.taxonomy = stages.taxonomy
        self.kind = stages.kind
        self._describe = stages.kind.make_writer().describe

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
        abstain_threshold = settings.abstain_threshold
        decisions = []
        if len(P):
            known = self.kind.find_known(P, judged, self.stages.added)
            decisions = self._describe(P, known, STAGE, "")
        routed = set(judged.rows.tolist())
        for i, row in enumerate(judged.rows.tolist()):
            doc, decision = docs[row], decisions[i]
            before, others = doc.user_data[KEY], judged.others[i]
            self.kind.compare(decision, before, others, self.stages.added)
            doc.user_data[KEY] = decision
            self._write_cats(doc, P[i])
            if self.kind.is_refused(decision, judged.shortfall[i]):
                abstain(doc, self, 0.0, "no candidate fits, by the ranker")
            elif decision["known"] < abstain_threshold:
                abstain(doc, self, abstain_threshold, "no label is close enough")
        for row, doc in enumerate(docs):
            if row not in routed and self._is_ours(doc):
                self._write_rest(doc, abstain_threshold)
        if settings.thresholds:
            self._back_off(docs, settings)

    def _back_off(self, docs: List[Doc], settings: FallbackSettings) -> None:
        needed = spread_thresholds(self.taxonomy, settings.thresholds)
        for doc in filter(self._is_ours, docs):
            decision = dict(doc.user_data[KEY])
            if decision["label"] is not None:
                threshold = float(needed[self.taxonomy.index[decision["label"]]])
                back_off(decision, threshold, settings.ancestor_threshold)
                doc.user_data[KEY] = decision

    def _is_ours(self, doc: Doc) -> bool:
        decision = doc.user_data.get(KEY)
        return decision is not None and decision["pipe"] == self.stages.source.name

    def _write_rest(self, doc: Doc, abstain_threshold: float) -> None:
        """Complete a document that nobody had to look at again."""
        if self.stages.added and self.stages.source.cats_top_k is None:
            doc.cats.update(dict.fromkeys(self.stages.added, 0.0))
        decision = doc.user_data[KEY]
        if decision["known"] < abstain_threshold:
            doc.user_data[KEY] = {**decision, "first": decision["label"]}
            abstain(doc, self, abstain_threshold, "no label is close enough")

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


def abstain(doc: Doc, writer: RefinedWriter, threshold: float, reason: str) -> None:
    """Take the labels away. The deepest broader category that is sure enough stays, or
    nothing. Probabilities are multiplied by the closeness to any label, so that they
    sum to less than 1 where they have summed to 1.

    threshold (float): How sure a broader category has to be, 0.0 keeps none.
    reason (str): Why, in words.
    """
    decision = doc.user_data[KEY]
    share = decision["known"] / max(decision["probability"], EPSILON)
    share = min(share, 1.0 - 1e-6)
    levels = [
        (node, probability)
        for node, probability in decision["levels"][:-1]
        if threshold > 0 and probability * share >= threshold
    ]
    own = writer.taxonomy.index
    for label, probability in doc.cats.items():
        if label in own:
            doc.cats[label] = probability * share
    labels: Dict[str, Any] = {"labels": []} if "labels" in decision else {}
    doc.user_data[KEY] = {
        **decision,
        **labels,
        "label": None,
        "levels": levels,
        "probability": levels[-1][1] * share if levels else 0.0,
        "stage": ABSTAINED,
        "reason": f"{reason} (known = {decision['known']:.3f})",
    }
