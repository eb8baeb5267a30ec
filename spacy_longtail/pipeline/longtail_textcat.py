from typing import (
    Any,
    Callable,
    Container,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
)

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import SimpleFrozenList
from spacy.vocab import Vocab
from thinc.api import Config, Model
from thinc.types import Floats2d

from ..ops import softmax
from ..taxonomy import SEPARATOR, Taxonomy
from .decision import DecisionWriter
from .gold import get_gold_label
from .settings import PriorT
from .taxonomy_pipe import Prediction, TaxonomyPipe
from .thresholds import (
    back_off,
    check_threshold,
    check_thresholds,
    look_up_thresholds,
    spread_thresholds,
)

STAGE = "longtail_textcat"

default_config = """
[longtail_textcat]
min_count = 3
keep = []
separator = "/"
kappa = 2.0
name_examples = 1.0
prior = "uniform"
temperature = 1.0
cats_top_k = null
scorer = {"@scorers": "spacy-longtail.longtail_scorer.v1"}

[longtail_textcat.loss]
@losses = "spacy-longtail.LogitAdjusted.v1"
tau = 1.0

[longtail_textcat.model]
@architectures = "spacy-longtail.TaxonomyTextCat.v1"

[longtail_textcat.model.encoder]
@architectures = "spacy-longtail.StaticBag.v1"

[longtail_textcat.model.encoder.vectors]
@misc = "spacy-longtail.BundledVectors.v1"

[longtail_textcat.model.output]
@layers = "spacy-longtail.PrototypeSoftmax.v1"
"""
DEFAULT_CONFIG = Config().from_str(default_config)["longtail_textcat"]

# 1.0 chooses the best model, 0.0 is shown while training, None is kept in the meta.
DEFAULT_SCORE_WEIGHTS: Dict[str, Optional[float]] = {
    "longtail_macro_f": 1.0,
    "longtail_head_f": 0.0,
    "longtail_mid_f": 0.0,
    "longtail_tail_f": 0.0,
    "longtail_accuracy": 0.0,
    "longtail_coarse_accuracy": 0.0,
    "longtail_hier_p": None,
    "longtail_hier_r": None,
    "longtail_hier_f": None,
    "longtail_coverage": None,
    "longtail_other_recall": None,
    "longtail_ece": None,
    "longtail_f_per_label": None,
}


@Language.factory(
    "longtail_textcat",
    assigns=["doc.cats", "doc._.longtail"],
    default_config=DEFAULT_CONFIG,
    default_score_weights=DEFAULT_SCORE_WEIGHTS,
)
def make_longtail_textcat(
    nlp: Language,
    name: str,
    model: Model[List[Doc], Floats2d],
    loss: Callable[[Taxonomy], Any],
    min_count: int,
    keep: List[str],
    separator: str,
    kappa: float,
    name_examples: float,
    prior: PriorT,
    temperature: float,
    cats_top_k: Optional[int],
    scorer: Optional[Callable],
) -> "LongtailTextCategorizer":
    """Create the component, see LongtailTextCategorizer."""
    return LongtailTextCategorizer(
        nlp.vocab,
        model,
        name,
        loss=loss,
        min_count=min_count,
        keep=keep,
        separator=separator,
        kappa=kappa,
        name_examples=name_examples,
        prior=prior,
        temperature=temperature,
        cats_top_k=cats_top_k,
        scorer=scorer,
    )


class LongtailTextCategorizer(TaxonomyPipe):
    """Assign each document one label of a hierarchy with a long tail.

    Writes the joint probability of every label to `doc.cats` and the decision to
    `doc._.longtail`. Labels with few examples are trained as one class, the Other of
    their parent, and predicted one by one all the same.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Floats2d]): Documents to logits over the leaves, with the
        references "encoder" and "output".
    name (str): Name of the component.
    loss (Callable[[Taxonomy], Any]): Builds the loss once the labels are known.
    min_count (int): Labels with fewer training documents are pooled; 0 pools none.
    keep (Iterable[str]): Labels that are never pooled.
    separator (str): What joins the segments of a label's path.
    kappa (float): Training documents that a label's name counts as in its prototype,
        from 0.0.
    name_examples (float): How often, per pass over the training data, each name and
        description is a training document of its label, from 0.0. Not with
        listeners.
    prior (PriorT): "uniform" predicts as if all labels were equally frequent,
        "train" as in the training data; a number from 0.0 to 1.0 is in between.
    temperature (float): Logits are divided by it at prediction, above 0.0.
    cats_top_k (Optional[int]): Write only so many labels to `doc.cats`. None for all.
    scorer (Optional[Callable]): Scoring method.
    RAISES (ValueError): L004, L005, L306 to L308 or L312 if a setting is out of range.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Floats2d],
        name: str = "longtail_textcat",
        *,
        loss: Callable[[Taxonomy], Any],
        min_count: int = 3,
        keep: Iterable[str] = SimpleFrozenList(),
        separator: str = SEPARATOR,
        kappa: float = 2.0,
        name_examples: float = 1.0,
        prior: PriorT = "uniform",
        temperature: float = 1.0,
        cats_top_k: Optional[int] = None,
        scorer: Optional[Callable] = None,
    ) -> None:
        settings = {
            "min_count": min_count,
            "keep": list(keep),
            "separator": separator,
            "kappa": kappa,
            "name_examples": name_examples,
            "prior": prior,
            "temperature": temperature,
            "cats_top_k": cats_top_k,
            "thresholds": {},
            "ancestor_threshold": 0.5,
        }
        super().__init__(
            vocab, model, name, loss=loss, settings=settings, scorer=scorer
        )

    @property
    def thresholds(self) -> Dict[str, float]:
        """The probability that a label needs to be given, by its path, or by that of a
        node above it; "" stands for all labels. The nearest one counts. Otherwise the
        decision abstains, and keeps the deepest node above the label that is sure.

        With a zero_shot_fallback in the pipeline, set those in its settings: it needs
        all labels of this stage.

        RETURNS (Dict[str, float]): A copy, empty to give all labels. Can be set.
        """
        return dict(self.cfg["thresholds"])

    @thresholds.setter
    def thresholds(self, thresholds: Mapping[str, float]) -> None:
        check_thresholds(thresholds)
        if self._taxonomy is not None:
            self._needed = spread_thresholds(self._taxonomy, thresholds)
        self.cfg["thresholds"] = dict(thresholds)

    def get_thresholds(self, labels: Sequence[str]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What each label needs, of shape (labels,)."""
        return look_up_thresholds(
            labels, self.cfg["thresholds"], separator=self.cfg["separator"]
        )

    @property
    def ancestor_threshold(self) -> float:
        """RETURNS (float): The probability that a node above an abstained label needs
        to be kept, and at least the label's threshold. Can be set.
        """
        return self.cfg["ancestor_threshold"]

    @ancestor_threshold.setter
    def ancestor_threshold(self, ancestor_threshold: float) -> None:
        check_threshold("ancestor_threshold", ancestor_threshold)
        self.cfg["ancestor_threshold"] = ancestor_threshold

    def get_gold(
        self,
        example: Example,
        index: int = 0,
        known: Optional[Container[str]] = None,
    ) -> Optional[List[str]]:
        """Find the gold label of a document, see TaxonomyPipe.

        RAISES (ValueError): L302 if it has more than one, L303 if a value isn't 0 or 1.
        """
        separator = self.cfg["separator"]
        label = get_gold_label(
            example, index, name=self.name, separator=separator, known=known
        )
        return None if label is None else [label]

    def make_truths(
        self, examples: Sequence[Example], columns: Sequence[int]
    ) -> Floats2d:
        """Mark the leaves that each gold label allows, none without a label."""
        taxonomy = self.taxonomy
        gold = [
            self.get_gold(example, row, taxonomy.ranges)
            for row, example in enumerate(examples)
        ]
        gold.extend([taxonomy.leaves[column]] for column in columns)
        mask = numpy.zeros((len(gold), len(taxonomy.leaves)), dtype="float32")
        for row, labels in enumerate(gold):
            for label in labels or ():
                mask[row, taxonomy.compatible(label)] = 1.0
        return self.model.ops.asarray2f(mask)

    def get_log_prior(self, taxonomy: Taxonomy) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): See TaxonomyPipe."""
        counts = taxonomy.class_counts
        return numpy.log(counts / counts.sum())

    def get_probabilities(self, logits: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Joint leaf probabilities, rows sum to 1."""
        return softmax(logits)

    def make_writer(self, taxonomy: Taxonomy) -> DecisionWriter:
        """RETURNS (DecisionWriter): See TaxonomyPipe."""
        return DecisionWriter(taxonomy, self.name)

    def describe(
        self, prediction: Prediction, top: numpy.ndarray
    ) -> List[Dict[str, Any]]:
        """RETURNS (List[Dict[str, Any]]): The decision for each document."""
        P, known = prediction
        reason = "most probable label"
        decisions = self._writer.describe(P, known, STAGE, reason, top)
        if self.cfg["thresholds"]:
            for decision in decisions:
                needed = float(self._needed[self.taxonomy.index[decision["label"]]])
                back_off(decision, needed, self.ancestor_threshold)
        return decisions

    def finish_start(self, taxonomy: Taxonomy) -> None:
        """Drop thresholds, which were chosen for another model."""
        self.thresholds = {}

    def _set_taxonomy(self, taxonomy: Taxonomy) -> None:
        super()._set_taxonomy(taxonomy)
        self._needed = spread_thresholds(taxonomy, self.cfg["thresholds"])
