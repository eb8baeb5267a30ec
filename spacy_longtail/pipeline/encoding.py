from functools import partial
from itertools import takewhile
from operator import attrgetter
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy
from spacy.attrs import LENGTH
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from thinc.api import Model
from thinc.types import Floats2d

from ..encoders import contract

MAX_CACHED_TEXTS = 1_000_000
COUNT_SIZE = 1024
GET_VOCAB = attrgetter("vocab")
EncodeT = Callable[[List[Doc]], numpy.ndarray]


class RawScores(NamedTuple):
    """What the model finds, before prior and temperature.

    logits (numpy.ndarray): float32 array of shape (docs, leaves), as the loss saw
        them.
    similarity (numpy.ndarray): Highest cosine to a prototype, of shape (docs,).
    """

    logits: numpy.ndarray
    similarity: numpy.ndarray


class EncodedScores(RawScores):
    """RawScores that know the vectors of the documents, of shape (docs, width)."""

    vectors: Optional[numpy.ndarray] = None


class EncoderRunner:
    """Runs the encoder of a model, a frozen one once per text while it is trained.

    model (Model[List[Doc], Floats2d]): Has the references "encoder" and "output".
    cache (Dict[Any, numpy.ndarray]): What a frozen encoder has found in training texts.
        Other processes start with an empty one.
    """

    def __init__(self, model: Model[List[Doc], Floats2d]) -> None:
        self.model = model
        self.cache: Dict[Any, numpy.ndarray] = {}

    def __reduce__(self) -> Any:
        return EncoderRunner, (self.model,)

    @property
    def encoder(self) -> Model[List[Doc], Floats2d]:
        return self.model.get_ref("encoder")

    @property
    def can_read_names(self) -> bool:
        """RETURNS (bool): Whether it can encode other documents in training than those
        of the batch. A listener's batch is that of the component it listens to.
        """
        encoder = self.encoder
        return contract.is_frozen(encoder) or not contract.is_listening(encoder)

    def start(
        self,
        docs: List[Doc],
        nlp: Optional[Language],
        component: Any,
        *,
        is_warm: bool = False,
        keep: float = 1.0,
    ) -> Tuple[EncodeT, EncodeT]:
        """Initialize the encoder with a few documents, or leave it as it is for a warm
        start, but for the share of what it has learned that it doesn't keep. Its
        vectors are kept if it is frozen, none from before.

        RETURNS (Tuple[EncodeT, EncodeT]): Documents to vectors, before the pipeline is
            trained. The second lets the encoder count what is in them, too.
        """
        encoder = self.encoder
        self.cache.clear()
        if not is_warm:
            # Without a document, something has to tell the width.
            encoder.initialize(X=docs or [Doc(component.vocab, words=["x"])])
            contract.observe(encoder, None)
        elif keep < 1.0:
            contract.restart(encoder, keep)
        encode = make_start_encoder(encoder, nlp, component)
        if contract.is_frozen(encoder):
            encode = partial(self._look_up, encode=encode)

        def encode_and_count(docs: List[Doc]) -> numpy.ndarray:
            contract.observe(encoder, docs)
            return encode(docs)

        return encode, encode_and_count

    def count_first(self, docs: Iterable[Doc]) -> bool:
        """Show the whole corpus to an encoder that has to know it before it encodes.

        RETURNS (bool): Whether it was shown.
        """
        if not contract.counts_first(self.encoder):
            return False
        for batch in minibatch(docs, COUNT_SIZE):
            contract.observe(self.encoder, batch)
        return True

    def begin_update(self, docs: List[Doc]) -> Tuple[Floats2d, Callable]:
        if not contract.is_frozen(self.encoder):
            return self.model.begin_update(docs)
        return self.model.get_ref("output").begin_update(self._encode_once(docs))

    def repeat(self, truths: Floats2d) -> Floats2d:
        """RETURNS (Floats2d): What the logits of begin_update are compared with: those
        of the documents, of shape (docs, leaves), for each view of the encoder.
        """
        n_views = len(contract.get_views(self.encoder))
        # Not a copy of all labels in each step where there is nothing to repeat.
        return self.model.ops.xp.tile(truths, (n_views, 1)) if n_views > 1 else truths

    def get_raw_scores(self, docs: List[Doc]) -> RawScores:
        # A cache isn't empty while training: the dev corpus is read again and again.
        X = self._encode_once(docs) if self.cache else predict_apart(self.encoder, docs)
        output, to_numpy = self.model.get_ref("output"), self.model.ops.to_numpy
        logits, closest = map(to_numpy, contract.get_scores(output, X))
        # Sums over a row add up in another order in another order of memory.
        logits = numpy.ascontiguousarray(logits)
        logits = contract.mix_terms(self.model, docs, logits)
        scores = EncodedScores(logits, closest)
        scores.vectors = to_numpy(X)
        return scores

    def _encode_once(self, docs: List[Doc]) -> Floats2d:
        encode = partial(run_encoder, self.encoder)
        return self.model.ops.asarray2f(self._look_up(docs, encode))

    def _look_up(self, docs: List[Doc], encode: EncodeT) -> numpy.ndarray:
        # Building the text of a Doc costs time. The same text can have other tokens.
        texts = [(doc.text, doc.to_array(LENGTH).tobytes()) for doc in docs]
        known = self.cache
        # Another thread can empty the cache at any time.
        found = {t: known[t] for t in texts if t in known}
        new = {text: doc for text, doc in zip(texts, docs) if text not in found}
        if new:
            found.update(zip(new, encode(list(new.values()))))
            if len(known) + len(new) > MAX_CACHED_TEXTS:
                known = self.cache = {}
            known.update((text, found[text]) for text in new)
        return numpy.stack([found[text] for text in texts])


def run_encoder(encoder: Model, docs: List[Doc]) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Vectors of shape (docs, width)."""
    return encoder.ops.to_numpy(predict_apart(encoder, docs))


def predict_apart(encoder: Model[List[Doc], Floats2d], docs: List[Doc]) -> Floats2d:
    """Encode documents, those of each vocabulary apart: layers of spaCy look words up
    in that of the first document.
    """
    if len(set(map(GET_VOCAB, docs))) < 2:
        return contract.encode(encoder, docs)
    vocabs = numpy.asarray([id(doc.vocab) for doc in docs])
    groups = [numpy.flatnonzero(vocabs == vocab) for vocab in numpy.unique(vocabs)]
    parts = [contract.encode(encoder, [docs[row] for row in rows]) for rows in groups]
    places = numpy.argsort(numpy.concatenate(groups))
    return encoder.ops.xp.concatenate(parts)[places]


def make_start_encoder(
    encoder: Model[List[Doc], Floats2d], nlp: Optional[Language], component: object
) -> EncodeT:
    """Make a function that encodes documents before the pipeline is trained, with an
    initialized encoder.

    A listener finds nothing in a document that the component it listens to hasn't
    seen, so that component is run first, on copies.

    component (object): The one in the pipeline that is being initialized.
    """
    upstream: List[Any] = []
    if nlp is not None and contract.is_listening(encoder):
        # A frozen component is disabled while the pipeline is initialized.
        before = takewhile(lambda pair: pair[1] is not component, nlp.components)
        upstream = [pipe for _, pipe in before if hasattr(pipe, "find_listeners")]

    def encode(docs: List[Doc]) -> numpy.ndarray:
        if upstream:
            docs = [doc.copy() for doc in docs]
        for pipe in upstream:
            docs = list(pipe.pipe(docs))
        return run_encoder(encoder, docs)

    return encode
