from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.training import Example

from ...taxonomy import Taxonomy
from ..decision import DecisionWriter
from .refinement import Judged, Rivals, compete, spread
from .settings import FallbackSettings


class ExclusiveLabels:
    """One label a document: whatever a label gets, others lose. See LabelKind."""

    def __init__(self, source: Any, taxonomy: Taxonomy) -> None:
        self.source = source
        self.taxonomy = taxonomy

    def check(self, settings: FallbackSettings, name: str) -> None:
        pass

    def refine(
        self, judged: Judged, added: Sequence[str], settings: FallbackSettings
    ) -> numpy.ndarray:
        """See LabelKind. Rows sum to what they did before."""
        P = spread(
            judged.P,
            self.taxonomy.others,
            judged.others,
            judged.scores,
            settings.mixture_weight,
        )
        if judged.leads is not None and len(P):
            columns = [self.taxonomy.index[label] for label in added]
            P = compete(P, judged.leads, columns, settings.trust)
        return P

    def find_known(
        self, P: numpy.ndarray, judged: Judged, added: Sequence[str]
    ) -> numpy.ndarray:
        """See LabelKind."""
        return P.max(axis=1) * numpy.clip(judged.closeness, 0.0, 1.0)

    def make_writer(self) -> DecisionWriter:
        return self.source.make_writer(self.taxonomy)

    def is_refused(self, decision: Dict[str, Any], shortfall: float) -> bool:
        """See LabelKind. A head label is none of the ranker's business."""
        return shortfall > 0 and decision["label"] in self.taxonomy.pooled

    def compare(
        self,
        decision: Dict[str, Any],
        before: Dict[str, Any],
        others: Sequence[int],
        added: Sequence[str],
    ) -> None:
        """See LabelKind. Who decided is whose label it is."""
        taxonomy, label = self.taxonomy, decision["label"]
        decision["first"] = before["label"]
        # Sums of what was rounded to 32 bits, so they are kept as they were.
        if not added:
            decision["other"] = before["other"]
        if label in taxonomy.pooled:
            parent = taxonomy.others[taxonomy.other_of[taxonomy.index[label]]].parent
            where = f"of {parent!r}" if parent else "at the top"
            decision["reason"] = f"ranked first in the Other {where}"
        elif label in added:
            decision["reason"] = "closest to a label that was added at run time"
        else:
            decision["stage"] = before["stage"]
            decision["reason"] = before["reason"]

    def read_golds(self, examples: Sequence[Example]) -> List[Optional[str]]:
        """RETURNS (List[Optional[str]]): Gold labels, None of a document without."""
        golds: List[Optional[str]] = []
        for row, example in enumerate(examples):
            labels = self.source.get_gold(example, row, self.taxonomy.ranges)
            golds.append(labels[0] if labels else None)
        return golds

    def find_rivals(self, gold: Optional[str], members: Sequence[int]) -> List[Rivals]:
        """See LabelKind. All other members are wrong."""
        column = self.taxonomy.index.get(gold or "", -1)
        if column not in members:
            return []
        return [Rivals(members.index(column), list(range(len(members))))]

    def count_right(
        self, decision: Dict[str, Any], gold: Optional[str]
    ) -> Tuple[int, int]:
        """See LabelKind. A document without a gold label fits nothing."""
        return int(decision["label"] == gold), 1

    def score(
        self, scorer: Any, examples: Iterable[Example], **kwargs: Any
    ) -> Dict[str, Any]:
        """See LabelKind."""
        settings = {
            "taxonomy": self.taxonomy,
            "labels": self.taxonomy.leaves,
            "pipe": self.source.name,
        }
        return scorer(examples, **{**kwargs, **settings})
