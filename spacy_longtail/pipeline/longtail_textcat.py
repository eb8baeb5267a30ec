from itertools import islice
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
)

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import SimpleFrozenList
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..descriptions import DescriptionsT, check_descriptions
from ..errors import Errors
from ..ops import softmax, top_columns
from ..taxonomy import SEPARATOR, Taxonomy, build_taxonomy, check_settings
from .decision import KEY, N_CANDIDATES, DecisionWriter, register_extension
from .gold import get_gold_label, read_labels
from .names import NameExamples, get_name_words, make_name_docs
from .prototypes import get_name_vectors, get_prototypes
from .settings import (
    PriorT,
    check_not_negative,
    check_temperature,
    check_top_k,
    read_prior,
)
from .start import EncodeT, count_and_sum, is_listening, make_start_encoder
from .thresholds import (
    back_off,
    check_threshold,
    check_thresholds,
    spread_thresholds,
)

FORMAT = 1
STAGE = "longtail_textcat"
MAX_CACHED_TEXTS = 1_000_000

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


class RawScores(NamedTuple):
    """What the model finds, before prior and temperature.

    logits (numpy.ndarray): float32 array of shape (docs, leaves), as the loss saw
        them.
    closeness (numpy.ndarray): Highest cosine to a prototype, of shape (docs,).
    """

    logits: numpy.ndarray
    closeness: numpy.ndarray


class Prediction(NamedTuple):
    """What predict finds.

    probabilities (numpy.ndarray): Joint leaf probabilities, of shape (docs, leaves).
    known (numpy.ndarray): See Decision, of shape (docs,).
    """

    probabilities: numpy.ndarray
    known: numpy.ndarray


class VectorCache(Dict[str, numpy.ndarray]):
    """Vectors of training texts. Other processes start with an empty one."""

    def __reduce__(self) -> Any:
        return VectorCache, ()


class LongtailTextCategorizer(TrainablePipe):
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
        min_count: int = 0,
        keep: Iterable[str] = SimpleFrozenList(),
        separator: str = SEPARATOR,
        kappa: float = 2.0,
        name_examples: float = 1.0,
        prior: PriorT = "uniform",
        temperature: float = 1.0,
        cats_top_k: Optional[int] = None,
        scorer: Optional[Callable] = None,
    ) -> None:
        check_settings(min_count=min_count, separator=separator)
        check_not_negative("kappa", kappa)
        check_not_negative("name_examples", name_examples)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.make_loss = loss
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {
            "format": FORMAT,
            "min_count": min_count,
            "keep": list(keep),
            "separator": separator,
            "kappa": kappa,
            "name_examples": name_examples,
            "names": [],
            "taxonomy": None,
            "thresholds": {},
            "ancestor_threshold": 0.5,
        }
        self._taxonomy: Optional[Taxonomy] = None
        self._declared: List[str] = []
        self._cache = VectorCache()
        # Lets others know that the encoder has changed.
        self.n_updates = 0
        self.prior = prior
        self.temperature = temperature
        self.cats_top_k = cats_top_k
        register_extension()

    @property
    def taxonomy(self) -> Taxonomy:
        """RETURNS (Taxonomy): The label tree with its counts and pooled labels.

        RAISES (ValueError): L301 before initialize.
        """
        if self._taxonomy is None:
            raise ValueError(Errors.L301.format(name=self.name))
        return self._taxonomy

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The leaves, in the order of the columns."""
        return () if self._taxonomy is None else self._taxonomy.leaves

    @property
    def label_data(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Labels and counts, for 'spacy init labels'."""
        counts = dict(zip(self.taxonomy.leaves, self.taxonomy.counts))
        return {"counts": {**counts, **self.taxonomy.inner_counts}}

    @property
    def prior(self) -> PriorT:
        """RETURNS (PriorT): Which prior predictions are made with. Can be set."""
        return self.cfg["prior"]

    @prior.setter
    def prior(self, prior: PriorT) -> None:
        read_prior(prior)
        self.cfg["prior"] = prior
        self._set_bias()

    @property
    def temperature(self) -> float:
        """RETURNS (float): What logits are divided by. Can be set."""
        return self.cfg["temperature"]

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        check_temperature(temperature)
        self.cfg["temperature"] = temperature

    @property
    def cats_top_k(self) -> Optional[int]:
        """RETURNS (Optional[int]): How many labels are written. Can be set."""
        return self.cfg["cats_top_k"]

    @cats_top_k.setter
    def cats_top_k(self, cats_top_k: Optional[int]) -> None:
        check_top_k(cats_top_k)
        self.cfg["cats_top_k"] = cats_top_k

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

    def add_label(self, label: str) -> int:
        """Declare a label before initialize, which then takes no others.

        RETURNS (int): 1, or 0 if the label is already there.
        RAISES (ValueError): L309 for a new label after initialize.
        """
        if label in self.labels or label in self._declared:
            return 0
        if self._taxonomy is not None:
            raise ValueError(Errors.L309.format(label=label, name=self.name))
        self._declared.append(label)
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Any] = None,
        descriptions: Optional[DescriptionsT] = None,
    ) -> None:
        """Count the labels of the whole corpus, build the taxonomy, and start each
        label at the mean of its documents shrunk towards its name.

        get_examples (Callable[[], Iterable[Example]]): Returns the training corpus.
        nlp (Optional[Language]): The pipeline that the component is part of.
        labels (Optional[Any]): What 'spacy init labels' wrote, a dict of labels and
            counts, or a list of labels. Other keys of `doc.cats` are left alone.
        descriptions (Optional[DescriptionsT]): What labels mean, from
            "spacy-longtail.LabelDescriptions.v1" or a dict of labels and texts.
        RAISES (ValueError): Taxonomy, description and gold errors, and L304 for a
            streamed corpus without counts.
        """
        validate_get_examples(get_examples, "LongtailTextCategorizer.initialize")
        given = read_labels(labels or self._declared or None, self.name)
        is_streamed = nlp is not None and nlp.config["training"]["max_epochs"] == -1
        if is_streamed and (given is None or given.counts is None):
            raise ValueError(Errors.L304.format(name=self.name))
        encoder = self.model.get_ref("encoder")
        self.n_updates += 1
        encoder.initialize(X=[eg.reference for eg in islice(get_examples(), 10)])
        encode = self._remember(make_start_encoder(encoder, nlp, self))
        sums = count_and_sum(
            get_examples(),
            self._count_features(encode, is_sample=is_streamed),
            name=self.name,
            separator=self.cfg["separator"],
            labels=None if given is None else given.names,
        )
        counts = sums.counts
        if given is not None:
            counts = given.counts or {name: counts.get(name, 0) for name in given.names}
        taxonomy = build_taxonomy(
            counts,
            min_count=self.cfg["min_count"],
            keep=self.cfg["keep"],
            separator=self.cfg["separator"],
        )
        self.cfg["names"] = get_name_words(
            taxonomy,
            check_descriptions(descriptions or {}, taxonomy),
            nlp.make_doc if nlp else lambda text: Doc(self.vocab, text.split()),
        )
        names = get_name_vectors(make_name_docs(self.vocab, self.cfg["names"]), encode)
        prototypes = get_prototypes(taxonomy, sums, names, self.cfg["kappa"])
        output = self.model.get_ref("output")
        output.attrs["set_start"](output, taxonomy, prototypes)
        # They were chosen for another model.
        self.thresholds = {}
        self._set_taxonomy(taxonomy)

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Predict the probability of each leaf.

        RETURNS (Prediction): For set_annotations.
        """
        return self.finish(self.get_raw_scores(docs))

    def get_raw_scores(self, docs: Iterable[Doc]) -> RawScores:
        """Run the model. Prior and temperature have no part in this, so many of them
        can be tried on what it returns.

        RETURNS (RawScores): For finish.
        """
        docs = list(docs)
        n_leaves = len(self.taxonomy.leaves)
        if not docs:
            return RawScores(numpy.zeros((0, n_leaves)), numpy.zeros(0))
        encoder, output = self.model.get_ref("encoder"), self.model.get_ref("output")
        # A cache isn't empty while training: the dev corpus is read again and again.
        X = self._encode_once(docs) if self._cache else encoder.predict(docs)
        to_numpy = self.model.ops.to_numpy
        logits = to_numpy(output.predict(X))
        self._check_finite(docs, logits)
        cosines = to_numpy(output.attrs["get_similarity"](output, X))
        return RawScores(logits, cosines.max(axis=1))

    def finish(self, raw: RawScores) -> Prediction:
        """Turn raw scores into probabilities under the prior and the temperature.

        RETURNS (Prediction): For set_annotations.
        """
        if not len(raw.logits):
            return Prediction(raw.logits, raw.closeness)
        P = softmax((raw.logits + self._bias) / self.temperature)
        known = P.max(axis=1) * numpy.clip(raw.closeness, 0.0, 1.0)
        return Prediction(P, known)

    def set_annotations(self, docs: Iterable[Doc], prediction: Prediction) -> None:
        """Write `doc.cats` and `doc._.longtail`. Keys of other components stay."""
        docs = list(docs)
        if not docs:
            return
        register_extension()
        P, labels = prediction.probabilities, self.labels
        top = top_columns(P, max(self.cats_top_k or 0, N_CANDIDATES))
        reason = "most probable label"
        decisions = self._writer.describe(P, prediction.known, STAGE, reason, top)
        if self.cats_top_k is None:
            for doc, row in zip(docs, P.tolist()):
                doc.cats.update(zip(labels, row))
        else:
            top = top[:, : self.cats_top_k]
            shares = numpy.take_along_axis(P, top, axis=1).tolist()
            for doc, columns, row in zip(docs, top.tolist(), shares):
                if doc.cats:
                    doc.cats = {k: v for k, v in doc.cats.items() if k not in self._own}
                doc.cats.update(zip([labels[column] for column in columns], row))
        for doc, decision in zip(docs, decisions):
            if self.cfg["thresholds"]:
                needed = self._needed[self.taxonomy.index[decision["label"]]]
                back_off(decision, needed, self.ancestor_threshold)
            doc.user_data[KEY] = decision

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch. Documents without a label of the component are ignored.

        drop (float): Dropout rate.
        sgd (Optional[Optimizer]): Updates the model if given.
        losses (Optional[Dict[str, float]]): Gets the loss in nats per document added
            under the component's name.
        RETURNS (Dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples, leaves = list(examples), self.taxonomy.leaves
        validate_examples(examples, "LongtailTextCategorizer.update")
        if not any(len(eg.predicted) for eg in examples):
            return losses
        set_dropout_rate(self.model, drop)
        docs = [eg.predicted for eg in examples]
        names, columns = self._names.draw(len(docs))
        logits, backprop = self._begin_update(docs + names)
        truths = self._get_truths(examples)
        truths.extend(leaves[column] for column in columns)
        d_logits, loss = self.loss(logits, self._as_mask(truths))
        backprop(d_logits)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the model, and count that."""
        self.n_updates += 1
        super().finish_update(sgd)

    def get_loss(
        self, examples: Iterable[Example], scores: Floats2d
    ) -> Tuple[float, Floats2d]:
        """Calculate the loss of a batch.

        scores (Floats2d): Logits of shape (docs, leaves).
        RETURNS (Tuple[float, Floats2d]): Nats per document, and the gradient with
            respect to the logits.
        """
        d_logits, loss = self.loss(scores, self._as_mask(self._get_truths(examples)))
        return loss, d_logits

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What the scorer returns."""
        return super().score(examples, pipe=self.name, **kwargs)

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """RETURNS (bytes): The component. RAISES (ValueError): L301, see taxonomy."""
        self._store_taxonomy()
        return super().to_bytes(exclude=exclude)

    def to_disk(
        self, path: Path, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> None:
        """Write the component to a folder."""
        self._store_taxonomy()
        super().to_disk(path, exclude=exclude)

    def from_bytes(
        self, bytes_data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "LongtailTextCategorizer":
        """RAISES (ValueError): L305 if a newer version wrote it."""
        super().from_bytes(bytes_data, exclude=exclude)
        return self._restore_taxonomy()

    def from_disk(
        self, path: Path, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "LongtailTextCategorizer":
        """RAISES (ValueError): L305 if a newer version wrote it."""
        super().from_disk(path, exclude=exclude)
        return self._restore_taxonomy()

    def _store_taxonomy(self) -> None:
        self.cfg["taxonomy"] = self.taxonomy.to_dict()

    def _restore_taxonomy(self) -> "LongtailTextCategorizer":
        if self.cfg["format"] > FORMAT:
            text = Errors.L305.format(found=self.cfg["format"], known=FORMAT)
            raise ValueError(text)
        self._cache.clear()
        self._set_taxonomy(Taxonomy.from_dict(self.cfg["taxonomy"]))
        return self

    def _set_taxonomy(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self.cfg["taxonomy"] = taxonomy.to_dict()
        self.loss = self.make_loss(taxonomy)
        self._writer = DecisionWriter(taxonomy, self.name)
        self._own = frozenset(taxonomy.leaves)
        encoder = self.model.get_ref("encoder")
        n_docs = max(sum(taxonomy.counts), 1)
        per_example = self.cfg["name_examples"] * len(taxonomy.leaves) / n_docs
        # A listener's batch is that of the component it listens to.
        if is_listening(encoder) and not self._is_frozen:
            per_example = 0.0
        self._names = NameExamples(self.vocab, self.cfg["names"], per_example)
        self._needed = spread_thresholds(taxonomy, self.cfg["thresholds"])
        self._set_bias()

    def _set_bias(self) -> None:
        if self._taxonomy is not None:
            self._bias = self.get_bias(self.cfg["prior"])

    def get_bias(self, prior: PriorT) -> numpy.ndarray:
        """Work out what turns the raw logits into those under a prior.

        prior (PriorT): See the property of this name.
        RETURNS (numpy.ndarray): float32 array of shape (leaves,), to be added.
        """
        counts = self.taxonomy.class_counts
        wanted = read_prior(prior) * numpy.log(counts / counts.sum())
        trained = self.model.ops.to_numpy(self.loss.log_prior)
        return (wanted - trained).astype("float32")

    def _get_truths(self, examples: Iterable[Example]) -> List[Optional[str]]:
        return [
            get_gold_label(
                example,
                row,
                name=self.name,
                separator=self.taxonomy.separator,
                known=self.taxonomy.ranges,
            )
            for row, example in enumerate(examples)
        ]

    def _as_mask(self, labels: List[Optional[str]]) -> Floats2d:
        """Mark the leaves that each gold label allows."""
        mask = numpy.zeros((len(labels), len(self.taxonomy.leaves)), dtype="float32")
        for row, label in enumerate(labels):
            if label is not None:
                mask[row, self.taxonomy.compatible(label)] = 1.0
        return self.model.ops.asarray2f(mask)

    @property
    def _is_frozen(self) -> bool:
        return bool(self.model.get_ref("encoder").attrs.get("is_frozen", False))

    def _count_features(self, encode: EncodeT, *, is_sample: bool) -> EncodeT:
        """Let the encoder count what it encodes, unless that is only a sample."""
        encoder = self.model.get_ref("encoder")
        observe = encoder.attrs.get("observe", lambda model, docs: None)
        observe(encoder, None)

        def encode_corpus(docs: List[Doc]) -> numpy.ndarray:
            if not is_sample:
                observe(encoder, docs)
            return encode(docs)

        return encode_corpus

    def _remember(self, encode: EncodeT) -> EncodeT:
        """Remember the vectors of a frozen encoder."""
        self._cache.clear()
        if not self._is_frozen:
            return encode
        return lambda docs: self._look_up(docs, encode)

    def _begin_update(self, docs: List[Doc]) -> Tuple[Floats2d, Callable]:
        if not self._is_frozen:
            return self.model.begin_update(docs)
        return self.model.get_ref("output").begin_update(self._encode_once(docs))

    def _encode_once(self, docs: List[Doc]) -> Floats2d:
        """Encode texts with a frozen encoder, or remember what it gave before."""
        ops, encoder = self.model.ops, self.model.get_ref("encoder")
        return ops.asarray2f(
            self._look_up(docs, lambda new: ops.to_numpy(encoder.predict(new)))
        )

    def _look_up(self, docs: List[Doc], encode: EncodeT) -> numpy.ndarray:
        new = {doc.text: doc for doc in docs if doc.text not in self._cache}
        if new:
            if len(self._cache) + len(new) > MAX_CACHED_TEXTS:
                self._cache.clear()
                new = {doc.text: doc for doc in docs}
            self._cache.update(zip(new, encode(list(new.values()))))
        return numpy.stack([self._cache[doc.text] for doc in docs])

    def _check_finite(self, docs: List[Doc], logits: numpy.ndarray) -> None:
        bad = numpy.flatnonzero(~numpy.isfinite(logits).all(axis=1))
        if len(bad):
            text = docs[bad[0]].text[:60]
            raise ValueError(Errors.L311.format(name=self.name, text=text))
