from typing import Any, Dict, Iterable, List, Protocol, Sequence, Tuple

import numpy
from spacy.training import Example

from ...taxonomy import Taxonomy
from ..longtail_textcat_multilabel import LongtailMultilabelTextCategorizer
from .exclusive import ExclusiveLabels
from .independent import IndependentLabels
from .refinement import Judged, Rivals
from .settings import FallbackSettings


class LabelKind(Protocol):
    """What the fallback does in different ways where the labels of a document exclude
    each other and where they don't.

    source (Any): The first stage.
    taxonomy (Taxonomy): With the run-time labels.
    """

    source: Any
    taxonomy: Taxonomy

    def check(self, settings: FallbackSettings, name: str) -> None:
        """RAISES (ValueError): L340 for a setting that means nothing here."""
        ...

    def refine(
        self, judged: Judged, added: Sequence[str], settings: FallbackSettings
    ) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Probabilities of both stages together, of shape
        (routed, labels).
        """
        ...

    def find_known(
        self, P: numpy.ndarray, judged: Judged, added: Sequence[str]
    ) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): See Decision, of shape (routed,).

        P (numpy.ndarray): What refine returns, of at least one document.
        """
        ...

    def make_writer(self) -> Any:
        """RETURNS (Any): A DecisionWriter for the labels of both stages."""
        ...

    def is_refused(self, decision: Dict[str, Any], shortfall: float) -> bool:
        """RETURNS (bool): Whether a decision has to be taken back, because the ranker
        found that no candidate fits.
        """
        ...

    def compare(
        self,
        decision: Dict[str, Any],
        before: Dict[str, Any],
        others: Sequence[int],
        added: Sequence[str],
    ) -> None:
        """Write down what decided, and what was decided before.

        decision (Dict[str, Any]): By the refined probabilities. Changed in place.
        before (Dict[str, Any]): The first stage's.
        others (Sequence[int]): The Others that were ranked.
        added (Sequence[str]): The run-time labels.
        """
        ...

    def read_golds(self, examples: Sequence[Example]) -> List[Any]:
        """RETURNS (List[Any]): What is known about each document, for the methods
        below.
        """
        ...

    def find_rivals(self, gold: Any, members: Sequence[int]) -> List[Rivals]:
        """RETURNS (List[Rivals]): The gold labels among the members of an Other."""
        ...

    def count_right(self, decision: Dict[str, Any], gold: Any) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): How many of the labels given are right, and how
        many of them can be right or wrong.
        """
        ...

    def score(
        self, scorer: Any, examples: Iterable[Example], **kwargs: Any
    ) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What the scorer of such labels returns."""
        ...


def make_kind(source: Any, taxonomy: Taxonomy) -> LabelKind:
    """Find out what kind of labels the first stage gives.

    taxonomy (Taxonomy): With the run-time labels.
    """
    if isinstance(source, LongtailMultilabelTextCategorizer):
        return IndependentLabels(source, taxonomy)
    return ExclusiveLabels(source, taxonomy)
