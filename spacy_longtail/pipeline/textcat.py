from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.util import SimpleFrozenList
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..descriptions import DescriptionsT
from ..errors import Errors
from ..gold import read_labels
from ..ops import slice_rows
from ..saved import get_digest
from ..taxonomy import Taxonomy, split_path
from . import beside, parts
from .decision import KindPrediction, Prediction
from .encoding import EncoderRunner, RawScores
from .handover import Handover
from .home import make_name_property, take_settings, write_config
from .initialization import check_update, follow_loss, start_pipe
from .kinds.base import LabelKind
from .names import NameExamples, NameWords
from .settings import PriorT, make_setting_property, read_prior
from .start import check_finite
from .trained import TrainingTexts
from .warm_start import start_sourced

NOTHING: Iterable[str] = SimpleFrozenList()
# Most scores of a batch, 16 MiB, its fewest documents, and most scores at a time.
MOST_SCORES, LEAST_DOCS, IN_CACHE = 1 << 22, 64, 1 << 18


class TextCategorizer(TrainablePipe):
    """Assign each document one label of a hierarchy with a long tail, or any number,
    as the kind of labels says. See the factories.

    Where labels exclude each other and there are thresholds, a decision without a sure
    label abstains, and keeps the deepest node above it that is sure. With a
    zero_shot_fallback in the pipeline, set those in its settings then: it needs all
    labels of this stage.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Floats2d]): Documents to logits over the leaves, with the
        references "encoder" and "output".
    name (str): Name of the component.
    kind (LabelKind): What kind of labels it gives, and its settings.
    loss (Callable[[Taxonomy], Any]): Builds the loss once the labels are known.
    scorer (Optional[Callable]): Scoring method.
    RAISES (ValueError): L323 if the model can't predict such labels, L345, L346 or L348
        if a loss, a scorer or a model is none, or one for other labels.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Floats2d],
        name: str,
        *,
        kind: LabelKind,
        loss: Callable[[Taxonomy], Any],
        scorer: Optional[Callable] = None,
    ) -> None:
        kind.check_model(model)
        kind.check_loss(loss)
        kind.check_scorer(scorer)
        self.vocab = vocab
        self.model = model
        self.kind = kind
        self.nlp: Optional[Language] = None
        # The pipeline that has it from another one, and the config when it took it.
        self.sourced_by: Optional[Tuple[Language, Any]] = None
        self.name = name
        self.settings = kind.settings
        self.settings.follow(self._note_setting)
        self.make_loss = loss
        self.scorer = scorer
        # What is saved. The settings are copied to it when that happens.
        self.cfg: Dict[str, Any] = {"names": [], "taxonomy": None}
        # Whether all labels were given, and the 'min_count' that they were pooled by.
        self.cfg.update(declared=False, pooled_below=None)
        self._taxonomy: Optional[Taxonomy] = None
        self._bias: Optional[Tuple[PriorT, numpy.ndarray]] = None
        # That of the loss before loading, which can be another one then.
        self._saved_prior: Optional[numpy.ndarray] = None
        # Labels that are declared before initialize.
        self.declared: List[str] = []
        self.encoding = EncoderRunner(model)
        self.handover = Handover()
        # Lets others know that the encoder has changed.
        self.n_updates = 0
        self.trained = TrainingTexts()
        # The digest of the weights as they were after so many updates.
        self._known: Optional[Tuple[int, str]] = None

    name = make_name_property()

    def enter(self, nlp: Optional[Language]) -> None:
        """Belong to a pipeline, under the name that it has there.

        nlp (Optional[Language]): None if it's the same pipeline as before.
        """
        if nlp is not None and self.nlp not in (None, nlp):
            self.sourced_by = nlp, nlp._config
        self.nlp = nlp or self.nlp
        self.kind.pipe = self.name

    def _note_setting(self, name: str, value: Any) -> None:
        if self.nlp is not None:
            write_config(self.nlp, self, name, value)

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
        """RETURNS (Dict[str, Any]): Labels and counts, and the number of documents if
        one can have several labels, for 'spacy init labels'.
        """
        tree = self.taxonomy
        counts = {**dict(zip(tree.leaves, tree.counts)), **tree.inner_counts}
        n_docs = {} if tree.n_docs is None else {"n_docs": tree.n_docs}
        return {"counts": counts, **n_docs}

    # Settings that can be changed after training, see the type of `settings`.
    prior = make_setting_property("prior")
    temperature = make_setting_property("temperature")
    cats_top_k = make_setting_property("cats_top_k")
    thresholds = make_setting_property("thresholds")
    ancestor_threshold = make_setting_property("ancestor_threshold")

    def add_label(self, label: str) -> int:
        """Declare a label before initialize, which then takes no others.

        RETURNS (int): 1, or 0 if the label is already there.
        RAISES (ValueError): L309 for a new label after initialize, L310 if it isn't a
            string, L001 if it has an empty segment.
        """
        read_labels([label], self.name)
        split_path(label, self.settings.separator)
        if label in self.labels or label in self.declared:
            return 0
        if self._taxonomy is not None:
            raise ValueError(Errors.L309.format(label=label, name=self.name))
        self.declared.append(label)
        return 1

    def get_thresholds(self, labels: Iterable[str]) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What each label needs, of shape (labels,)."""
        return self.kind.get_thresholds(list(labels))

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Any] = None,
        descriptions: Optional[DescriptionsT] = None,
    ) -> None:
        """Count the labels of the whole corpus, build the taxonomy, and start each
        label at the mean of its documents shrunk towards its name. What was trained
        before is forgotten; see warm_start.

        get_examples (Callable[[], Iterable[Example]]): Returns the training corpus. It
            can be empty, or without gold labels, if the labels are given or described.
        nlp (Optional[Language]): The pipeline that the component is part of.
        labels (Optional[Any]): What 'spacy init labels' wrote, a dict of labels and
            counts, or a list of labels. Other keys of `doc.cats` are left alone, with
            warning LW302 for documents that have none of these.
        descriptions (Optional[DescriptionsT]): What labels mean, from
            "spacy-longtail.LabelDescriptions.v1" or a dict of labels and texts.
        RAISES (ValueError): Taxonomy, description and gold errors, L304 for a streamed
            corpus without counts, L012 for labels that look the same, L014 if the
            corpus has none of the labels that are given.
        """
        start_pipe(self, get_examples, nlp, labels, descriptions)

    def warm_start(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Any] = None,
        descriptions: Optional[DescriptionsT] = None,
        keep: float = 1.0,
    ) -> None:
        """Get ready to be trained on, on a corpus that can have other labels. New ones
        start as in initialize. Known ones go on from their weights, also if the corpus
        hasn't any; counts are its own, thresholds are gone. Take a new optimizer.

        keep (float): Share of what was learned to start with, the rest is from scratch.
        RAISES (ValueError): L301, the errors of initialize, L342 to L344, L349, L752.
        """
        start_pipe(self, get_examples, nlp, labels, descriptions, self.taxonomy, keep)

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Predict in batches. With many labels they are smaller than they could be, so
        that their scores take little memory, which makes no difference otherwise.
        """
        most = max(LEAST_DOCS, MOST_SCORES // max(len(self.labels), 1))
        return super().pipe(stream, batch_size=min(batch_size, most))

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """RETURNS (Prediction): The probability of each leaf, for set_annotations."""
        return self.apply_settings(raw := self.get_raw_scores(docs), out=raw.logits)

    def get_raw_scores(self, docs: Iterable[Doc]) -> RawScores:
        """RETURNS (RawScores): For apply_settings. Prior and temperature have no part
        in this, so many of them can be tried on it.
        """
        docs, n_leaves = list(docs), len(self.taxonomy.leaves)
        if not docs:
            return RawScores(numpy.zeros((0, n_leaves)), numpy.zeros(0))
        raw = self.encoding.get_raw_scores(docs)
        check_finite(docs, raw.logits, self.name)
        return raw

    def apply_settings(
        self,
        raw: RawScores,
        kind: Optional[LabelKind] = None,
        out: Optional[numpy.ndarray] = None,
    ) -> Prediction:
        """RETURNS (Prediction): By the settings as they are, or were when the kind was
        frozen. Its probabilities are in `out`, if given, which can be the logits.
        """
        kind = kind or self.kind.freeze()
        prior, known = kind.settings.prior, self._bias
        if known is None or known[0] != prior:
            known = self._bias = prior, self.get_bias(prior)
        P = numpy.empty_like(raw.logits) if out is None else out
        sure = numpy.clip(raw.similarity, 0.0, 1.0)
        for rows in slice_rows(len(P), P.shape[1], IN_CACHE):
            logits = numpy.add(raw.logits[rows], known[1], out=P[rows])
            if kind.settings.temperature != 1.0:
                logits /= kind.settings.temperature
            P[rows] = kind.get_probabilities(logits, self.taxonomy)
            sure[rows] *= P[rows].max(axis=1)
        prediction = KindPrediction(P, sure)
        prediction.kind, prediction.vectors = kind, getattr(raw, "vectors", None)
        return prediction

    def get_bias(self, prior: PriorT) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What turns raw logits into those under a prior, if
        added: float32 array of shape (leaves,).
        """
        wanted = read_prior(prior) * self.kind.get_log_prior(self.taxonomy)
        return (wanted - self.trained_prior).astype("float32")

    @property
    def trained_prior(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Of the loss that was trained with, see LeafLoss."""
        found, saved = self.loss.log_prior, self._saved_prior
        return self.model.ops.to_numpy(found) if saved is None else saved

    def set_annotations(self, docs: Iterable[Doc], prediction: Prediction) -> None:
        """Write `doc.cats` and `doc._.longtail`. Keys of other components stay."""
        batch = self._writer.annotate(list(docs), prediction)
        self.handover.put(batch._replace(n_updates=self.n_updates))

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch. Documents without a label of the component are ignored.

        losses (Optional[Dict[str, float]]): Gets the loss in nats per document added
            under the component's name.
        RETURNS (Dict[str, float]): The losses.
        RAISES (ValueError): Gold errors, and L341 for a label that it doesn't know,
            unless its labels were declared.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        if not self.labels:
            raise ValueError(Errors.L301.format(name=self.name))
        if not 0.0 <= drop < 1.0:
            raise ValueError(Errors.L350.format(value=drop))
        start_sourced(self)
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        check_update(self, examples)
        if self._saved_prior is not None:
            follow_loss(self)
            self._saved_prior = self._bias = None
        if not any(len(eg.predicted) for eg in examples):
            return losses
        set_dropout_rate(self.model, drop)
        docs = [eg.predicted for eg in examples]
        names, columns = self._names.draw(len(docs))
        logits, backprop = self.encoding.begin_update(docs + names)
        truths = self._make_truths(examples, columns)
        d_logits, loss = self.loss(logits, self.encoding.repeat(truths))
        backprop(d_logits)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        self.trained.add(examples, self._is_annotated)
        return losses

    def _is_annotated(self, example: Example) -> bool:
        return self.kind.get_gold(example, 0, self.taxonomy.ranges) is not None

    def finish_update(self, sgd: Optimizer) -> None:
        self.n_updates += 1
        super().finish_update(sgd)

    def get_loss(
        self, examples: Iterable[Example], scores: Floats2d
    ) -> Tuple[float, Floats2d]:
        """RETURNS (Tuple[float, Floats2d]): Nats per document, and the gradient with
        respect to the scores, logits of shape (docs, leaves).
        """
        return self.loss(scores, self._make_truths(list(examples), []))[::-1]

    def _make_truths(self, examples: List[Example], columns: List[int]) -> Floats2d:
        truths = self.kind.make_truths(examples, columns, self.taxonomy)
        return self.model.ops.asarray2f(truths)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Warns once of documents that were trained on, LW505, or that have no gold
        labels, LW506. For the scores, see the scorer.
        """
        examples = list(examples)
        self._fill_cfg(self._taxonomy)
        labels = kwargs.get("labels", self.labels)
        needed = dict(zip(labels, self.get_thresholds(labels).tolist()))
        settings = {"pipe": self.name, "thresholds": needed, **kwargs}
        scores = super().score(examples, **settings)
        self.trained.warn(self.name, examples, scores, self._is_annotated)
        # For drop_unmeasured.
        self.unmeasured = {key: value is None for key, value in scores.items()}
        return scores

    def fit_thresholds(
        self,
        examples: Iterable[Example],
        *,
        precision: Optional[float] = None,
        smoothing: Optional[float] = None,
    ) -> Dict[str, float]:
        """Set the threshold of each label to what is best for documents that weren't
        trained on, where one can have several labels.

        examples (Iterable[Example]): Predicted documents with gold labels, read once.
        precision, smoothing: See fitting.thresholds.fit_thresholds.
        RETURNS (Dict[str, float]): The new thresholds, of all labels.
        RAISES (ValueError): L325 or L327, see there, L329 for documents without the
            probability of some label, because of 'cats_top_k' for example, and L339 if
            none has a gold label.
        """
        wish = {"precision": precision, "smoothing": smoothing}
        found = self.kind.fit_thresholds(examples, self.taxonomy, **wish)
        self.thresholds = dict(zip(self.labels, found.tolist()))
        return self.thresholds

    @property
    def digest(self) -> str:
        """RETURNS (str): Tells labels and weights from those of any other training."""
        if self._known is None or self._known[0] != self.n_updates:
            self._known = self.n_updates, parts.get_model_digest(self.model)
        return get_digest(self._known[1], self.taxonomy.to_dict())

    def to_bytes(self, *, exclude: Iterable[str] = NOTHING) -> bytes:
        """RAISES (ValueError): L301 before initialize."""
        return parts.join_parts(self._pack(exclude), self.vocab, exclude)

    def to_disk(self, path: Path, *, exclude: Iterable[str] = NOTHING) -> None:
        """RAISES (ValueError): L301 before initialize."""
        path = Path(path)
        found = self._pack(exclude, beside=beside.foresee_beside(self, path.parent))
        parts.write_files(path, found, self.vocab, exclude)

    def _pack(self, exclude: Iterable[str], **more: Any) -> Dict[str, bytes]:
        self._fill_cfg(self.taxonomy)
        found, digest = parts.pack_parts({**self.cfg, **more}, self.model, exclude)
        self._known = (self.n_updates, digest) if digest else None
        return found

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = NOTHING) -> Any:
        """RAISES (ValueError): L305 if a newer version wrote it, L360 if it's damaged,
        and L203 or L204, see RowTable.
        """
        found = parts.split_parts(bytes_data, self.name, self.vocab, exclude)
        return self._load(parts.read_parts(self, found))

    def from_disk(self, path: Path, *, exclude: Iterable[str] = NOTHING) -> Any:
        """RAISES (ValueError): See from_bytes."""
        found = parts.read_files(Path(path), self.name, self.vocab, exclude)
        return self._load(parts.read_parts(self, found, Path(path).parent))

    def _load(self, found: parts.Loaded) -> "TextCategorizer":
        self.n_updates += 1
        self._known = (self.n_updates, found.digest) if found.digest else None
        self.encoding.cache.clear()
        if found.taxonomy is not None:
            nlp = self.nlp if found.cfg["format"] > 1 else None
            take_settings(self, nlp, found.settings, found.taxonomy.separator)
            self.cfg, self.trained = found.cfg, found.trained
            self._set_taxonomy(found.taxonomy)
            self._saved_prior = parts.get_prior(found.cfg)
        return self

    def _fill_cfg(self, taxonomy: Optional[Taxonomy]) -> None:
        tree = taxonomy and taxonomy.to_dict()
        self.cfg.update(self.settings.to_dict(), taxonomy=tree)
        if tree is not None:
            self.cfg["log_prior"] = self.trained_prior.tolist()
        self.cfg.pop("trained_on", None)
        self.cfg.update(self.trained.to_dict())

    def set_taxonomy(self, taxonomy: Taxonomy, names: NameWords) -> None:
        """Take the labels that the output layer has got."""
        # They were chosen for another model.
        self.settings.thresholds = {}
        self.cfg.update(names=names, pooled_below=self.settings.min_count)
        self.n_updates += 1
        self._set_taxonomy(taxonomy)

    def _set_taxonomy(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self.loss = self.make_loss(taxonomy)
        self._saved_prior = None
        self._writer = self.kind.make_writer(taxonomy)
        self._bias = None
        n_docs = max(taxonomy.n_docs or sum(taxonomy.counts), 1)
        per_example = self.settings.name_examples * len(taxonomy.leaves) / n_docs
        if not self.encoding.can_read_names:
            per_example = 0.0
        self._names = NameExamples(self.vocab, self.cfg["names"], per_example)
