from itertools import islice
from typing import (
    Any,
    Callable,
    Container,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from thinc.api import Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..descriptions import DescriptionsT, check_descriptions
from ..errors import Errors
from ..ops import top_columns
from ..taxonomy import Taxonomy, build_taxonomy
from .decision import KEY, N_CANDIDATES, register_extension
from .gold import read_labels
from .names import get_name_words, make_name_docs
from .prototypes import ClassSums, get_name_vectors, get_prototypes
from .start import EncodeT, check_finite, count_and_sum, make_start_encoder
from .taxonomy_keeper import TaxonomyKeeper


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


class TaxonomyPipe(TaxonomyKeeper):
    """What the components that categorize documents by a taxonomy have in common:
    counting the labels, the prototype start, the training loop, settings that can be
    changed after training, and serialization.

    A component says how it reads gold labels (get_gold, make_truths), what it makes of
    the logits (predict) and how it describes that (set_annotations). The settings are
    those of LongtailTextCategorizer.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Floats2d]): Documents to logits over the leaves.
    name (str): Name of the component.
    loss (Callable[[Taxonomy], Any]): Builds the loss once the labels are known.
    settings (Dict[str, Any]): What is saved with the component, by name. Has at least
        min_count, keep, separator, kappa, name_examples, prior, temperature and
        cats_top_k.
    scorer (Optional[Callable]): Scoring method.
    RAISES (ValueError): L004, L005, L306 to L308 or L312 if a setting is out of range.
    """

    # Fewest labels to learn from.
    min_leaves = 2

    def get_gold(
        self,
        example: Example,
        index: int = 0,
        known: Optional[Container[str]] = None,
    ) -> Optional[List[str]]:
        """Find the gold labels of a document.

        index (int): Number of the document, for messages.
        known (Optional[Container[str]]): The component's labels and inner nodes. None
            if all keys of `doc.cats` are its own.
        RETURNS (Optional[List[str]]): None if nothing is known about the document.
        """
        raise NotImplementedError

    def get_n_docs(self, sums: ClassSums) -> Optional[int]:
        """RETURNS (Optional[int]): What the taxonomy has to know about the number of
        training documents, None if its counts say it all.
        """
        return None

    def make_truths(
        self, examples: Sequence[Example], columns: Sequence[int]
    ) -> Floats2d:
        """Make what the loss compares logits with.

        examples (Sequence[Example]): Documents with gold labels.
        columns (Sequence[int]): The leaf of each name that follows the documents.
        RETURNS (Floats2d): Array of shape (docs + names, leaves).
        """
        raise NotImplementedError

    def watch_encoder(self, encode: EncodeT) -> EncodeT:
        """RETURNS (EncodeT): What the training corpus is encoded with."""
        return encode

    def finish_start(self, taxonomy: Taxonomy) -> None:
        """Do what is left to do once the output layer has its prototypes."""

    def get_probabilities(self, logits: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Leaf probabilities of shape (docs, leaves)."""
        raise NotImplementedError

    def describe(
        self, prediction: Prediction, top: numpy.ndarray
    ) -> List[Dict[str, Any]]:
        """Describe the decision for each document.

        top (numpy.ndarray): What top_columns gives for at least N_CANDIDATES.
        RETURNS (List[Dict[str, Any]]): JSON values, see Decision.
        """
        raise NotImplementedError

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
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        given = read_labels(labels or self._declared or None, self.name)
        is_streamed = nlp is not None and nlp.config["training"]["max_epochs"] == -1
        if is_streamed and (given is None or given.counts is None):
            raise ValueError(Errors.L304.format(name=self.name))
        self.n_updates += 1
        encoder = self._encoding.encoder
        encoder.initialize(X=[eg.reference for eg in islice(get_examples(), 10)])
        encode = self._encoding.remember(make_start_encoder(encoder, nlp, self))
        known = None if given is None else set(given.names)
        sums = count_and_sum(
            get_examples(),
            self.watch_encoder(
                self._encoding.count_features(encode, is_sample=is_streamed)
            ),
            lambda example, index: self.get_gold(example, index, known),
            name=self.name,
        )
        if is_streamed:
            sums.n_docs = 0  # Of a sample, and given below.
        if given is not None:
            sums.set_counts(given)
        taxonomy = build_taxonomy(
            sums.counts,
            min_count=self.cfg["min_count"],
            keep=self.cfg["keep"],
            separator=self.cfg["separator"],
            n_docs=self.get_n_docs(sums),
            min_leaves=self.min_leaves,
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
        self.finish_start(taxonomy)
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
        output, to_numpy = self.model.get_ref("output"), self.model.ops.to_numpy
        X = self._encoding.predict(docs)
        logits = to_numpy(output.predict(X))
        check_finite(docs, logits, self.name)
        cosines = to_numpy(output.attrs["get_similarity"](output, X))
        return RawScores(logits, cosines.max(axis=1))

    def finish(self, raw: RawScores) -> Prediction:
        """Turn raw scores into probabilities under the prior and the temperature.

        RETURNS (Prediction): For set_annotations.
        """
        if not len(raw.logits):
            return Prediction(raw.logits, raw.closeness)
        P = self.get_probabilities((raw.logits + self._bias) / self.temperature)
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
        decisions = self.describe(prediction, top)
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
        if not self.labels:
            raise ValueError(Errors.L301.format(name=self.name))
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        if not any(len(eg.predicted) for eg in examples):
            return losses
        set_dropout_rate(self.model, drop)
        docs = [eg.predicted for eg in examples]
        names, columns = self._names.draw(len(docs))
        logits, backprop = self._encoding.begin_update(docs + names)
        d_logits, loss = self.loss(logits, self.make_truths(examples, columns))
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
        d_logits, loss = self.loss(scores, self.make_truths(list(examples), []))
        return loss, d_logits

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What the scorer returns."""
        return super().score(examples, pipe=self.name, **kwargs)
