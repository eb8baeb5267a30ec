from typing import Any, Dict, Iterable, List, Sequence, Tuple

import numpy
from spacy.training import Example

from ...errors import Errors
from ...taxonomy import Taxonomy
from ..multilabel_decision import MultilabelDecisionWriter
from .refinement import Judged, Rivals, add_beside, doubt, spread
from .settings import FallbackSettings


class IndependentLabels:
    """Any number of labels a document: what a label gets, none loses, but for those
    that share an Other. See LabelKind.
    """

    def __init__(self, source: Any, taxonomy: Taxonomy) -> None:
        self.source = source
        self.taxonomy = taxonomy

    def check(self, settings: FallbackSettings, name: str) -> None:
        """RAISES (ValueError): L340 if there are thresholds, which the first stage has
        for several labels.
        """
        if settings.thresholds:
            raise ValueError(Errors.L340.format(name=name, source=self.source.name))

    def refine(
        self, judged: Judged, added: Sequence[str], settings: FallbackSettings
    ) -> numpy.ndarray:
        """See LabelKind. Labels from training that aren't pooled stay as they are."""
        plan = self.taxonomy.others
        P = spread(
            judged.P, plan, judged.others, judged.scores, settings.mixture_weight
        )
        P = numpy.minimum(doubt(P, plan, judged.others, judged.shortfall), 1.0)
        if judged.leads is not None and len(P):
            columns = [self.taxonomy.index[label] for label in added]
            P = add_beside(P, judged.leads, columns, settings.trust, judged.closeness)
        return P

    def find_known(
        self, P: numpy.ndarray, judged: Judged, added: Sequence[str]
    ) -> numpy.ndarray:
        """See LabelKind. Closeness is part of what run-time labels have got."""
        shares = P * numpy.clip(judged.closeness, 0.0, 1.0)[:, None]
        columns = [self.taxonomy.index[label] for label in added]
        shares[:, columns] = P[:, columns]
        return shares.max(axis=1)

    def make_writer(self) -> MultilabelDecisionWriter:
        return self.source.make_writer(self.taxonomy)

    def is_refused(self, decision: Dict[str, Any], shortfall: float) -> bool:
        """See LabelKind. That is in the probabilities already, and the document's
        other labels are none of the ranker's business.
        """
        return False

    def compare(
        self,
        decision: Dict[str, Any],
        before: Dict[str, Any],
        others: Sequence[int],
        added: Sequence[str],
    ) -> None:
        """See LabelKind. The fallback has decided if a label that it has judged is, or
        was before, among those of the document or the most probable one.
        """
        decision["first"], decision["first_labels"] = before["label"], before["labels"]
        decision["other"] = before["other"]
        named = {decision["label"], before["label"]}
        named.update(decision["labels"], before["labels"])
        taxonomy = self.taxonomy
        columns = [taxonomy.index[label] for label in named if label in taxonomy.index]
        touched = set(taxonomy.other_of[columns].tolist())
        reasons = []
        for number in filter(touched.__contains__, others):
            parent = taxonomy.others[number].parent
            where = f"of {parent!r}" if parent else "at the top"
            reasons.append(f"ranked in the Other {where}")
        if named.intersection(added):
            reasons.append("compared with labels that were added at run time")
        if reasons:
            decision["reason"] = "; ".join(reasons)
        else:
            decision["stage"] = before["stage"]
            decision["reason"] = before["reason"]

    def read_golds(self, examples: Sequence[Example]) -> List[numpy.ndarray]:
        """RETURNS (List[numpy.ndarray]): 1.0, 0.0 or NaN for each label."""
        return list(self.source.read_truths(examples, self.taxonomy))

    def find_rivals(self, gold: numpy.ndarray, members: Sequence[int]) -> List[Rivals]:
        """See LabelKind. Each gold label is told from those that are known to be
        wrong: between two that are right there is nothing to tell.
        """
        truths = gold[list(members)]
        return [
            Rivals(place, numpy.union1d(numpy.flatnonzero(truths == 0), place).tolist())
            for place in numpy.flatnonzero(truths == 1).tolist()
        ]

    def count_right(
        self, decision: Dict[str, Any], gold: numpy.ndarray
    ) -> Tuple[int, int]:
        """See LabelKind. What isn't known is neither right nor wrong."""
        truths = gold[[self.taxonomy.index[label] for label in decision["labels"]]]
        return int((truths == 1).sum()), int((~numpy.isnan(truths)).sum())

    def score(
        self, scorer: Any, examples: Iterable[Example], **kwargs: Any
    ) -> Dict[str, Any]:
        """See LabelKind. The component's own scorer is of labels that exclude each
        other; the first stage's takes its place.
        """
        labels = self.taxonomy.leaves
        settings = {**kwargs, "taxonomy": self.taxonomy, "labels": labels}
        return self.source.score(examples, **settings)
