from copy import copy
from dataclasses import dataclass
from typing import Any, Container, Dict, Optional, Sequence

import numpy
import srsly

from ..errors import Errors
from ..questions import LabelCard, Question, Ranking, check_rankers
from ..saved import NUMBER, check_fields, read_msgpack
from .base import EncodeT, LabelRanker, check_numbers


@dataclass(eq=False)
class CombinedRanker(LabelRanker):
    """Adds up the log odds of several rankers.

    rankers (Dict[str, LabelRanker]): The rankers.
    weights (Dict[str, float]): Weight of each. Can be changed.
    """

    rankers: Dict[str, LabelRanker]
    weights: Dict[str, float]

    def __copy__(self) -> "CombinedRanker":
        rankers = {name: copy(ranker) for name, ranker in self.rankers.items()}
        return CombinedRanker(rankers, self.weights)

    def load(self) -> None:
        for ranker in self.rankers.values():
            ranker.load()

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        for ranker in self.rankers.values():
            ranker.set_labels(cards, encode, only_added=only_added)

    def bind(self, encode: EncodeT) -> None:
        for ranker in self.rankers.values():
            ranker.bind(encode)

    def rank(self, question: Question) -> Ranking:
        found = {name: each.rank(question) for name, each in self.rankers.items()}
        scores = [numpy.zeros(len(labels)) for labels in question.candidates]
        for name, ranking in found.items():
            for row, values in enumerate(ranking.scores):
                scores[row] = scores[row] + self.weights[name] * values
        means = self._mean(found, "margins"), self._mean(found, "similarity")
        return Ranking(scores, *means)

    def _mean(self, found: Dict[str, Ranking], field: str) -> Optional[numpy.ndarray]:
        pairs = [(self.weights[name], getattr(r, field)) for name, r in found.items()]
        told = [(w, values) for w, values in pairs if w > 0 and values is not None]
        if not told:
            return None
        return sum(w * values for w, values in told) / sum(w for w, _ in told)

    def to_bytes(self) -> bytes:
        rankers = {name: ranker.to_bytes() for name, ranker in self.rankers.items()}
        return srsly.msgpack_dumps({"weights": self.weights, "rankers": rankers})

    def from_bytes(self, data: bytes) -> None:
        kinds = {"weights": dict, "rankers": dict}
        found = check_fields(read_msgpack(data), kinds, "the ranker")
        check_fields(found["weights"], dict.fromkeys(self.rankers, NUMBER), "'weights'")
        check_fields(found["rankers"], dict.fromkeys(self.rankers, bytes), "'rankers'")
        check_numbers("CombinedRanker", **found["weights"])
        self.weights = found["weights"]
        for name, ranker in self.rankers.items():
            ranker.from_bytes(found["rankers"][name])

    def check_labels(self, labels: Sequence[str], pooled: Container[str]) -> None:
        for ranker in self.rankers.values():
            ranker.check_labels(labels, pooled)


def make_combined_ranker(
    *, rankers: Dict[str, Any], weights: Optional[Dict[str, float]] = None
) -> CombinedRanker:
    """Make a ranker that adds up what others find.

    Registered as "spacy-longtail.CombinedRanker.v1".

    rankers (Dict[str, LabelRanker]): One block each, under a name. Typed as Any,
        because a config can't be checked against a protocol.
    weights (Optional[Dict[str, float]]): Weight by name, from 0.0. None weighs all
        as 1.0; `fit_weights` of the component fits them on dev.
    RAISES (ValueError): L405 if a weight is out of range, L407 if one is missing, L347
        for a part that is no ranker.
    """
    weights = dict.fromkeys(rankers, 1.0) if weights is None else dict(weights)
    if not rankers or set(weights) != set(rankers):
        names, given = sorted(rankers), sorted(weights)
        raise ValueError(Errors.L407.format(rankers=names, weights=given))
    check_numbers("CombinedRanker", **weights)
    check_rankers("CombinedRanker", **rankers)
    return CombinedRanker(rankers, weights)
