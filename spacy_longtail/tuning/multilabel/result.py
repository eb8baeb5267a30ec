from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Dict, List, Optional

import numpy

from ...scoring.multilabel import Answers
from ..result import Comparison
from ..settings import MULTILABEL, Wish
from .metrics import Guesses, count
from .settings import MultilabelSettings


@dataclass(frozen=True)
class LabelChange:
    """What became of a label.

    count (int): Its training documents.
    support (int): Documents of the corpus that have it.
    threshold_before, threshold_after (Optional[float]): None if it isn't one of the
        component's.
    f_before, f_after (Optional[float]): F1, None if no document has it.
    """

    label: str
    count: int
    support: int
    threshold_before: Optional[float]
    threshold_after: Optional[float]
    f_before: Optional[float]
    f_after: Optional[float]

    @property
    def f_gain(self) -> float:
        """RETURNS (float): By how much the F1 is better."""
        return (self.f_after or 0.0) - (self.f_before or 0.0)


@dataclass(frozen=True)
class MultilabelTuning:
    """What tune found for labels that don't exclude each other.

    before, after (MultilabelSettings): The settings.
    scores (Dict[str, Comparison]): By metric: macro_f, head_f, mid_f, tail_f, micro_f,
        micro_p, micro_r, macro_p (mean precision of the labels given), n_labels (given
        per document), ece and log_loss. "after" is cross-fitted: the settings for each
        document were found on other documents.
    labels (List[LabelChange]): In the order of the component.
    later (List[str]): Components after it that change its probabilities, to whose
        result the thresholds are fitted. Prior and temperature are fitted without them.
    refit_as (Optional[str]): What the thresholds before are known to be fitted to the
        same documents by, so that "before" is cross-fitted too: "training", as its
        config says, or an earlier "tune". None if nothing is known.
    n_docs (int): Documents that settings were fitted on.
    n_gold (float): Gold labels per document.
    n_ignored (int): Documents about which nothing is known.
    """

    kind: ClassVar[str] = MULTILABEL
    wish: Wish
    before: MultilabelSettings
    after: MultilabelSettings
    scores: Dict[str, Comparison]
    labels: List[LabelChange]
    later: List[str]
    refit_as: Optional[str]
    n_docs: int
    n_gold: float
    n_ignored: int

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        data = {"kind": self.kind, **asdict(self)}
        data["scores"] = {
            name: scores.to_dict() for name, scores in self.scores.items()
        }
        return data


def describe_labels(
    answers: Answers,
    before: MultilabelSettings,
    after: MultilabelSettings,
    old: Guesses,
    new: Guesses,
) -> List[LabelChange]:
    """RETURNS (List[LabelChange]): For each label."""
    W = numpy.ones((1, len(old.gold)))
    support = old.gold.sum(axis=0).tolist()
    scores = []
    for guesses in (old, new):
        right, guessed, gold = (found[0] for found in count(guesses, W))
        scores.append((2 * right / numpy.maximum(guessed + gold, 1)).tolist())
    return [
        LabelChange(
            label,
            int(answers.counts[i]),
            support[i],
            before.thresholds.get(label),
            after.thresholds.get(label),
            scores[0][i] if support[i] else None,
            scores[1][i] if support[i] else None,
        )
        for i, label in enumerate(answers.labels)
    ]
