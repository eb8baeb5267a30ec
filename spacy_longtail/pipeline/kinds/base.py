from abc import ABC, abstractmethod
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import (
    Any,
    Callable,
    ClassVar,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Type,
)

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model
from thinc.types import Floats2d

from ...encoders import contract
from ...errors import Errors
from ...gold import KnownT
from ...saved import refuse
from ...taxonomy import Taxonomy, look_up
from ..checks import Needed, check_scorer
from ..decision import Prediction
from ..decision_writer import DecisionWriter, Facts, GivenT
from ..fallback.decided import Earlier
from ..fallback.router import Judged, Stages
from ..settings import TextcatSettings
from ..start import ClassSums, VectorSample

# The kinds that write all labels to `doc.cats` in this thread.
_WRITE_ALL: ContextVar[Tuple[Any, ...]] = ContextVar("write_all_cats", default=())


class LabelKind(ABC):
    """What a component and its fallback do in different ways where the labels of a
    document exclude each other and where they don't. It knows the settings, and gets
    the taxonomy, which can have more labels than the component's.

    What is abstract differs. The rest stands here as one kind has it, which can be
    to do nothing.

    pipe (str): Name of the component.
    settings (Any): Those of the component, fields of settings_type.

    name (ClassVar[str]): What other parts for this kind of labels are found by.
    factory (ClassVar[str]): The component, and the stage of its decisions.
    reason (ClassVar[str]): Why a label is given, in words.
    min_leaves (ClassVar[int]): Fewest labels to learn from.
    allows_several (ClassVar[bool]): Whether a document can have several labels.
    own_score (ClassVar[str]): A score that only scorers for such labels give.
    parts (ClassVar[Dict[str, str]]): The default "loss" and "scorer", for messages.
    sample_size (ClassVar[int]): Most vectors of documents that fit_start needs.
    """

    name: ClassVar[str]
    factory: ClassVar[str]
    reason: ClassVar[str]
    min_leaves: ClassVar[int]
    allows_several: ClassVar[bool]
    own_score: ClassVar[str]
    parts: ClassVar[Dict[str, str]]
    sample_size: ClassVar[int] = 0
    settings_type: ClassVar[Type[TextcatSettings]] = TextcatSettings

    def __init__(self, pipe: str, **settings: Any) -> None:
        self.pipe = pipe
        self.settings: Any = self.settings_type(**settings)
        # What freeze() returned before, and while write_all_cats() was in force.
        self._frozen: Dict[bool, Any] = {}

    def freeze(self) -> Any:
        """Keep the settings as they are now for a whole prediction, whatever others do
        with them meanwhile.

        RETURNS (Any): A LabelKind of its own, the same one as long as nothing changes.
        """
        writes_all = self in _WRITE_ALL.get()
        settings = self.settings.copy_now(
            **({"cats_top_k": None} if writes_all else {})
        )
        frozen = self._frozen.get(writes_all)
        if frozen is None or (frozen.pipe, frozen.settings) != (self.pipe, settings):
            frozen = copy(self)
            frozen.settings = settings
            self._frozen[writes_all] = frozen
        return frozen

    @contextmanager
    def write_all_cats(self) -> Iterator[None]:
        """Let a component and its fallback write all their labels to `doc.cats` for a
        while, also those that its 'cats_top_k' leaves out: a label that is missing
        there isn't improbable. Other threads and the setting itself don't notice.
        """
        token = _WRITE_ALL.set((*_WRITE_ALL.get(), self))
        try:
            yield
        finally:
            _WRITE_ALL.reset(token)

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_frozen": {}}

    def check_model(self, model: Model[List[Doc], Floats2d]) -> None:
        """RAISES (ValueError): L348 if it isn't made of an encoder and an output layer,
        L323 if the output isn't one for such labels.
        """
        if not contract.is_textcat(model):
            raise ValueError(Errors.L348.format(part="model", found=f"{model!r:.80}"))

    @abstractmethod
    def check_loss(self, make_loss: Callable[[Taxonomy], Any]) -> None:
        """RAISES (ValueError): L345 if it isn't a loss for such labels."""

    def check_scorer(self, scorer: Any) -> None:
        """RAISES (ValueError): L346 if it isn't a scorer for such labels."""
        check_scorer(scorer, self.own_score, self.describe_part("scorer"))

    def describe_part(self, part: str) -> Needed:
        """RETURNS (Needed): What a message says about a part."""
        return Needed(self.pipe, self.factory, self.parts[part])

    @abstractmethod
    def get_gold(self, eg: Example, index: int, known: KnownT) -> Optional[List[str]]:
        """Find the gold labels of a document.

        index (int): Number of the document, for messages.
        RETURNS (Optional[List[str]]): None if nothing is known about the document.
        RAISES (ValueError): L302, L303 or L325 for gold labels that can't be.
        """

    @abstractmethod
    def make_truths(
        self, examples: Sequence[Example], columns: Sequence[int], taxonomy: Taxonomy
    ) -> numpy.ndarray:
        """Make what the loss compares logits with.

        columns (Sequence[int]): The leaf of each name that follows the documents.
        RETURNS (numpy.ndarray): float32 array of shape (docs + names, leaves).
        """

    def get_n_docs(self, sums: ClassSums) -> Optional[int]:
        """RETURNS (Optional[int]): What the taxonomy has to know about the number of
        training documents, None if its counts say it all.
        """
        return None

    def fit_start(
        self,
        output: Model,
        loss: Any,
        taxonomy: Taxonomy,
        sample: VectorSample,
        is_new: numpy.ndarray,
    ) -> None:
        """Do what is left to do once the output layer has its prototypes.

        is_new (numpy.ndarray): Which leaves aren't trained yet, bools, (leaves,).
        """
        return

    @abstractmethod
    def get_log_prior(self, taxonomy: Taxonomy) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What 'prior' adds to the logits at 1.0, of shape
        (leaves,).
        """

    @abstractmethod
    def get_probabilities(self, Z: numpy.ndarray, taxonomy: Taxonomy) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Leaf probabilities of logits Z, (docs, leaves). They
        can take the place of the logits.
        """

    def get_thresholds(self, labels: Sequence[str]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What each label needs, of shape (labels,)."""
        settings = self.settings
        default = getattr(settings, "threshold", 0.0)
        return look_up(labels, settings.thresholds, default, settings.separator)

    def fit_thresholds(
        self, examples: Iterable[Example], taxonomy: Taxonomy, **wish: Any
    ) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The best threshold of each leaf, of shape (leaves,).
        RAISES (ValueError): L328 where labels exclude each other.
        """
        raise ValueError(Errors.L328.format(name=self.pipe, found=[self.factory]))

    def get_labels(self, P: numpy.ndarray, taxonomy: Taxonomy) -> Optional[GivenT]:
        """RETURNS (Optional[GivenT]): The labels that each document has, by its leaf
        probabilities, the most probable first. None if that is the best one.
        """
        return None

    def find_unfit(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The settings that were fitted to the probabilities,
        as they were before that.
        """
        return {}

    @abstractmethod
    def make_writer(self, taxonomy: Taxonomy) -> DecisionWriter:
        """RETURNS (DecisionWriter): For the labels of a taxonomy."""

    def check_saved(self, settings: TextcatSettings, taxonomy: Taxonomy) -> None:
        """RAISES (ValueError): L314 or L361 if what was saved doesn't fit together, or
        is of another kind.
        """
        taxonomy.check_nodes(settings.thresholds)
        if settings.separator != taxonomy.separator:
            refuse("the settings and the taxonomy have another 'separator'")
        if (taxonomy.n_docs is None) == self.allows_several:
            refuse("its labels are of another kind")
        if len(taxonomy.leaves) < self.min_leaves:
            refuse("there are too few labels")

    def back_off(
        self, facts: Facts, decisions: List[bytes], taxonomy: Taxonomy
    ) -> List[bytes]:
        """RETURNS (List[bytes]): The decisions of the writer, some without a label that
        isn't sure enough.
        """
        return decisions

    def check_fallback(self, stages: Stages) -> None:
        """RAISES (ValueError): L340 for a setting that means nothing here."""
        return

    @abstractmethod
    def refine(self, judged: Judged, stages: Stages) -> Prediction:
        """RETURNS (Prediction): Of both stages together, for the routed documents."""

    def is_refused(self, label: str, deficit: float, taxonomy: Taxonomy) -> bool:
        """RETURNS (bool): Whether a label has to be taken back, because the ranker
        found that no candidate fits.
        """
        return False

    @abstractmethod
    def get_reasons(
        self,
        facts: Facts,
        earlier: Earlier,
        others: List[List[int]],
        stages: Stages,
    ) -> List[Optional[str]]:
        """Find out who decided, by the refined probabilities.

        earlier (Earlier): The first stage's decisions.
        others (List[List[int]]): The Others that were ranked.
        RETURNS (List[Optional[str]]): Why the second stage decided. None if the
            decision is still that of the first one, for its reason.
        """

    def moves_others(self, stages: Stages) -> bool:
        """RETURNS (bool): Whether the mass of an Other can have changed."""
        return False

    @abstractmethod
    def read_truths(self, eg: Example, index: int, taxonomy: Taxonomy) -> numpy.ndarray:
        """Read what is known about a document, by get_gold's parameters and errors.

        RETURNS (numpy.ndarray): 1.0, 0.0 or NaN, float64 array of shape (leaves,).
        """

    def count_right(
        self, labels: Sequence[str], truths: numpy.ndarray, taxonomy: Taxonomy
    ) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): How many of the labels given are right, and how
        many of them can be right or wrong.
        """
        truths = truths[[taxonomy.index[label] for label in labels]]
        return int((truths == 1).sum()), int((~numpy.isnan(truths)).sum())

    @abstractmethod
    def score(
        self, source: Any, scorer: Any, examples: Iterable[Example], **settings: Any
    ) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What the scorer for such labels returns, that of
        the first stage or of the fallback.
        """


def get_factories() -> List[str]:
    """RETURNS (List[str]): The components that categorize documents, by name."""
    return sorted(kind.factory for kind in LabelKind.__subclasses__())


def name_other(taxonomy: Taxonomy, number: int) -> str:
    """RETURNS (str): Where an Other stands, in words."""
    parent = taxonomy.others[number].parent
    return f"of {parent!r}" if parent else "at the top"
