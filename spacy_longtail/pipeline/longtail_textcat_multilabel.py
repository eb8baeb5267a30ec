import warnings
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

from ..errors import Errors, Warnings
from ..fitting.thresholds import SMOOTHING, fit_thresholds
from ..gold import (
    GoldLabels,
    check_missing,
    fill_truths,
    find_leaves,
    read_gold,
)
from ..taxonomy import SEPARATOR, Taxonomy
from .bias import VectorSample, fit_bias
from .multilabel_decision import MultilabelDecisionWriter, get_leaf_probabilities
from .prototypes import ClassSums
from .settings import PriorT
from .start import EncodeT
from .taxonomy_pipe import Prediction, TaxonomyPipe
from .thresholds import (
    check_nodes,
    check_threshold,
    check_thresholds,
    look_up_thresholds,
)

STAGE = "longtail_textcat_multilabel"

default_config = """
[longtail_textcat_multilabel]
min_count = 3
keep = []
separator = "/"
kappa = 2.0
name_examples = 1.0
missing = "auto"
prior = "train"
temperature = 1.0
threshold = 0.25
cats_top_k = null
scorer = {"@scorers": "spacy-longtail.longtail_multilabel_scorer.v1"}

[longtail_textcat_multilabel.loss]
@losses = "spacy-longtail.BinaryLogitAdjusted.v1"
tau = 1.0

[longtail_textcat_multilabel.model]
@architectures = "spacy-longtail.TaxonomyTextCat.v1"

[longtail_textcat_multilabel.model.encoder]
@architectures = "spacy-longtail.StaticBag.v1"

[longtail_textcat_multilabel.model.encoder.vectors]
@misc = "spacy-longtail.BundledVectors.v1"

[longtail_textcat_multilabel.model.output]
@layers = "spacy-longtail.PrototypeSoftmax.v1"
"""
DEFAULT_CONFIG = Config().from_str(default_config)["longtail_textcat_multilabel"]

# 1.0 chooses the best model, 0.0 is shown while training, None is kept in the meta.
DEFAULT_SCORE_WEIGHTS: Dict[str, Optional[float]] = {
    "longtail_macro_ap": 1.0,
    "longtail_macro_f": 0.0,
    "longtail_micro_f": 0.0,
    "longtail_head_f": 0.0,
    "longtail_mid_f": 0.0,
    "longtail_tail_f": 0.0,
    "longtail_lrap": 0.0,
    "longtail_micro_p": None,
    "longtail_micro_r": None,
    "longtail_p_at_1": None,
    "longtail_p_at_3": None,
    "longtail_p_at_5": None,
    "longtail_ndcg_at_1": None,
    "longtail_ndcg_at_3": None,
    "longtail_ndcg_at_5": None,
    "longtail_psp_at_1": None,
    "longtail_psp_at_3": None,
    "longtail_psp_at_5": None,
    "longtail_f_per_label": None,
}


@Language.factory(
    "longtail_textcat_multilabel",
    assigns=["doc.cats", "doc._.longtail"],
    default_config=DEFAULT_CONFIG,
    default_score_weights=DEFAULT_SCORE_WEIGHTS,
)
def make_longtail_textcat_multilabel(
    nlp: Language,
    name: str,
    model: Model[List[Doc], Floats2d],
    loss: Callable[[Taxonomy], Any],
    min_count: int,
    keep: List[str],
    separator: str,
    kappa: float,
    name_examples: float,
    missing: str,
    prior: PriorT,
    temperature: float,
    threshold: float,
    cats_top_k: Optional[int],
    scorer: Optional[Callable],
) -> "LongtailMultilabelTextCategorizer":
    """Create the component, see LongtailMultilabelTextCategorizer."""
    return LongtailMultilabelTextCategorizer(
        nlp.vocab,
        model,
        name,
        loss=loss,
        min_count=min_count,
        keep=keep,
        separator=separator,
        kappa=kappa,
        name_examples=name_examples,
        missing=missing,
        prior=prior,
        temperature=temperature,
        threshold=threshold,
        cats_top_k=cats_top_k,
        scorer=scorer,
    )


class LongtailMultilabelTextCategorizer(TaxonomyPipe):
    """Assign each document any number of labels of a hierarchy with a long tail.

    Writes the probability of every label, independent of the others, to `doc.cats` and
    the decision to `doc._.longtail`, whose `labels` are those above their threshold.
    Labels with few examples are trained as one class per parent, its Other: whether the
    document has some label that is pooled there.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Floats2d]): Documents to logits over the leaves, with the
        references "encoder" and "output". The output's logits have to be independent.
    name (str): Name of the component.
    loss (Callable[[Taxonomy], Any]): Builds a binary loss once the labels are known.
    min_count (int): Labels with fewer training documents are pooled; 0 pools none.
    keep (Iterable[str]): Labels that are never pooled.
    separator (str): What joins the segments of a label's path.
    kappa (float): Training documents that a label's name counts as in its prototype,
        from 0.0.
    name_examples (float): How often, per pass over the training data, each name and
        description is a training document of its label, from 0.0. Nothing is said
        about its other labels. Not with listeners.
    missing (str): "auto": a document without any gold label isn't learned from, and of
        one with a gold 0.0 only what it names is. "negative": what isn't positive is
        negative.
    prior (PriorT): "train" predicts calibrated probabilities, "uniform" as if each
        label were in half of the documents; a number from 0.0 to 1.0 is in between.
    temperature (float): Logits are divided by it at prediction, above 0.0.
    threshold (float): Least probability of a label that a document has, for labels
        without a threshold of their own.
    cats_top_k (Optional[int]): Write only so many labels to `doc.cats`. None for all.
    scorer (Optional[Callable]): Scoring method.
    RAISES (ValueError): L004, L005, L306 to L308, L312, L313, L320 or L323 if a setting
        is out of range.
    """

    min_leaves = 1

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Floats2d],
        name: str = "longtail_textcat_multilabel",
        *,
        loss: Callable[[Taxonomy], Any],
        min_count: int = 3,
        keep: Iterable[str] = SimpleFrozenList(),
        separator: str = SEPARATOR,
        kappa: float = 2.0,
        name_examples: float = 1.0,
        missing: str = "auto",
        prior: PriorT = "train",
        temperature: float = 1.0,
        threshold: float = 0.25,
        cats_top_k: Optional[int] = None,
        scorer: Optional[Callable] = None,
    ) -> None:
        check_missing(missing)
        check_threshold("threshold", threshold)
        output = model.get_ref("output")
        if "set_bias" not in output.attrs:
            raise ValueError(Errors.L323.format(name=name, layer=output.name))
        settings = {
            "min_count": min_count,
            "keep": list(keep),
            "separator": separator,
            "kappa": kappa,
            "name_examples": name_examples,
            "missing": missing,
            "prior": prior,
            "temperature": temperature,
            "threshold": threshold,
            "thresholds": {},
            "cats_top_k": cats_top_k,
        }
        self._sample = VectorSample()
        super().__init__(
            vocab, model, name, loss=loss, settings=settings, scorer=scorer
        )

    @property
    def thresholds(self) -> Dict[str, float]:
        """From which probability a document has a label, by its path, or by that of a
        node above it; "" stands for all labels. The nearest one counts, and 'threshold'
        where there is none.

        RETURNS (Dict[str, float]): A copy of what was set. Can be set.
        """
        return dict(self.cfg["thresholds"])

    @thresholds.setter
    def thresholds(self, thresholds: Mapping[str, float]) -> None:
        check_thresholds(thresholds)
        if self._taxonomy is not None:
            check_nodes(self._taxonomy, thresholds)
        self.cfg["thresholds"] = dict(thresholds)

    def fit_thresholds(
        self,
        examples: Iterable[Example],
        *,
        precision: Optional[float] = None,
        smoothing: float = SMOOTHING,
    ) -> Dict[str, float]:
        """Set the threshold of each label to what is best for documents that weren't
        trained on.

        examples (Iterable[Example]): Predicted documents with gold labels.
        precision (Optional[float]): Wished precision, see thresholds.fit_thresholds.
        smoothing (float): See there.
        RETURNS (Dict[str, float]): The new thresholds.
        RAISES (ValueError): L325 or L327, see there, and L329 for documents without
            the probability of some label, because of 'cats_top_k' for example.
        """
        examples, labels = list(examples), self.labels
        scores = numpy.zeros((len(examples), len(labels)))
        for row, eg in enumerate(examples):
            cats = eg.predicted.cats
            missing = next((label for label in labels if label not in cats), None)
            if missing is not None:
                text = Errors.L329.format(name=self.name, row=row, label=missing)
                raise ValueError(text)
            scores[row] = [cats[label] for label in labels]
        truths = self.read_truths(examples)
        values = fit_thresholds(
            scores, truths, precision=precision, smoothing=smoothing
        )
        self.thresholds = dict(zip(labels, values.tolist()))
        return self.thresholds

    def forget_fits(self, setting: str) -> None:
        """Drop the thresholds, with warning LW301: they were fitted to probabilities
        that a new prior or temperature changes.
        """
        if self.cfg["thresholds"]:
            self.cfg["thresholds"] = {}
            text = Warnings.LW301.format(name=self.name, setting=setting)
            warnings.warn(text, stacklevel=3)

    @property
    def label_data(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Labels, counts and number of documents, for 'spacy
        init labels'.
        """
        return {**super().label_data, "n_docs": self.taxonomy.n_docs}

    def get_gold(
        self,
        example: Example,
        index: int = 0,
        known: Optional[Container[str]] = None,
    ) -> Optional[List[str]]:
        """Find the gold labels of a document, see TaxonomyPipe.

        RAISES (ValueError): L325 if a value isn't 0 or 1.
        """
        gold = read_gold(
            example, index, name=self.name, missing=self.cfg["missing"], known=known
        )
        if gold is None:
            return None
        return find_leaves(gold.positive, self.cfg["separator"])

    def read_truths(
        self, examples: Sequence[Example], taxonomy: Optional[Taxonomy] = None
    ) -> numpy.ndarray:
        """Read what is known about documents, see fill_truths.

        taxonomy (Optional[Taxonomy]): With more labels than the component's.
        RETURNS (numpy.ndarray): 1.0, 0.0 or NaN, float64 array of shape (docs, leaves).
        RAISES (ValueError): L325 if a gold value isn't 0 or 1.
        """
        taxonomy = taxonomy or self.taxonomy
        truths = numpy.zeros((len(examples), len(taxonomy.leaves)))
        for row, eg in enumerate(examples):
            gold = self._read_gold(eg, row, taxonomy)
            fill_truths(truths[row], gold, taxonomy)
        return truths

    def make_truths(
        self, examples: Sequence[Example], columns: Sequence[int]
    ) -> Floats2d:
        """Write 1.0, 0.0, or NaN for what isn't known, see TaxonomyPipe."""
        taxonomy = self.taxonomy
        n_docs = len(examples)
        truths = numpy.full(
            (n_docs + len(columns), len(taxonomy.leaves)), numpy.nan, dtype="float32"
        )
        for row, eg in enumerate(examples):
            fill_truths(truths[row], self._read_gold(eg, row, taxonomy), taxonomy)
        truths[numpy.arange(n_docs, len(truths)), list(columns)] = 1.0
        return self.model.ops.asarray2f(truths)

    def get_n_docs(self, sums: ClassSums) -> Optional[int]:
        """RETURNS (Optional[int]): Documents about which something is known.

        RAISES (ValueError): L324 if it's fewer than a label has: with counts of a label
            file, but without the number that belongs to them.
        """
        if sums.n_docs < max(sums.counts.values(), default=0):
            raise ValueError(Errors.L324.format(name=self.name))
        return sums.n_docs

    def watch_encoder(self, encode: EncodeT) -> EncodeT:
        """Sample the vectors of the training corpus, see TaxonomyPipe."""
        self._sample = VectorSample()
        return self._sample.watch(encode)

    def finish_start(self, taxonomy: Taxonomy) -> None:
        """Let each label be as probable as it is frequent, see TaxonomyPipe."""
        output = self.model.get_ref("output")
        X = self.model.ops.asarray2f(self._sample.get())
        self._sample = VectorSample()
        if len(X):
            logits = self.model.ops.to_numpy(output.predict(X))
            bias = fit_bias(logits, taxonomy.log_odds)
            # What the loss adds in training needn't be part of the logits.
            added = self.make_loss(taxonomy).log_prior - taxonomy.log_odds
            output.attrs["set_bias"](output, bias + added)
        self.cfg["thresholds"] = {}

    def get_log_prior(self, taxonomy: Taxonomy) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): See TaxonomyPipe."""
        return taxonomy.log_odds

    def get_probabilities(self, logits: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Leaf probabilities, each from 0.0 to 1.0."""
        return get_leaf_probabilities(logits, self.taxonomy)

    def make_writer(self, taxonomy: Taxonomy) -> MultilabelDecisionWriter:
        """RETURNS (MultilabelDecisionWriter): See TaxonomyPipe."""
        return MultilabelDecisionWriter(taxonomy, self.name, self.get_thresholds)

    def get_thresholds(self, labels: Sequence[str]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What each label needs, of shape (labels,)."""
        return look_up_thresholds(
            labels,
            self.cfg["thresholds"],
            separator=self.cfg["separator"],
            default=self.cfg["threshold"],
        )

    def describe(
        self, prediction: Prediction, top: numpy.ndarray
    ) -> List[Dict[str, Any]]:
        """RETURNS (List[Dict[str, Any]]): The decision for each document."""
        P, known = prediction
        return self._writer.describe(
            P, known, STAGE, "labels above their thresholds", top
        )

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What the scorer returns."""
        labels = kwargs.get("labels", self.labels)
        needed = dict(zip(labels, self.get_thresholds(labels).tolist()))
        return super().score(examples, **{"thresholds": needed, **kwargs})

    def _read_gold(
        self, example: Example, index: int, taxonomy: Taxonomy
    ) -> Optional[GoldLabels]:
        return read_gold(
            example,
            index,
            name=self.name,
            missing=self.cfg["missing"],
            known=taxonomy.ranges,
        )
