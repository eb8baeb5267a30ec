from typing import Any, Callable, Dict, List, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .start import EncodeT

MAX_CACHED_TEXTS = 1_000_000


class VectorCache(Dict[str, numpy.ndarray]):
    """Vectors of training texts. Other processes start with an empty one."""

    def __reduce__(self) -> Any:
        return VectorCache, ()


class EncoderRunner:
    """Runs the encoder of a model in training, a frozen one once per training text.

    model (Model[List[Doc], Floats2d]): Has the references "encoder" and "output".
    """

    def __init__(self, model: Model[List[Doc], Floats2d]) -> None:
        self.model = model
        self._cache = VectorCache()

    @property
    def encoder(self) -> Model[List[Doc], Floats2d]:
        """RETURNS (Model[List[Doc], Floats2d]): Documents to vectors."""
        return self.model.get_ref("encoder")

    @property
    def is_listener(self) -> bool:
        """RETURNS (bool): Whether it shares the encoder of another component."""
        return any(hasattr(node, "upstream_name") for node in self.encoder.walk())

    @property
    def is_frozen(self) -> bool:
        """RETURNS (bool): Whether the vectors stay as they are."""
        return bool(self.encoder.attrs.get("is_frozen", False))

    def prepare(self, encode: EncodeT, *, is_sample: bool) -> EncodeT:
        """Let the encoder count what it encodes, unless that is only a sample, and
        remember the vectors if they won't change.

        encode (EncodeT): See make_start_encoder.
        RETURNS (EncodeT): For the training corpus.
        """
        encoder = self.encoder
        observe = encoder.attrs.get("observe", lambda model, docs: None)
        observe(encoder, None)
        self._cache.clear()

        def encode_corpus(docs: List[Doc]) -> numpy.ndarray:
            if not is_sample:
                observe(encoder, docs)
            return self._encode_once(docs) if self.is_frozen else encode(docs)

        return encode_corpus

    def begin_update(self, docs: List[Doc]) -> Tuple[Floats2d, Callable]:
        """RETURNS (Tuple[Floats2d, Callable]): What the model's begin_update does."""
        if not self.is_frozen:
            return self.model.begin_update(docs)
        X = self.model.ops.asarray2f(self._encode_once(docs))
        return self.model.get_ref("output").begin_update(X)

    def _encode_once(self, docs: List[Doc]) -> numpy.ndarray:
        new = {doc.text: doc for doc in docs if doc.text not in self._cache}
        if new:
            if len(self._cache) + len(new) > MAX_CACHED_TEXTS:
                self._cache.clear()
                new = {doc.text: doc for doc in docs}
            X = self.model.ops.to_numpy(self.encoder.predict(list(new.values())))
            self._cache.update(zip(new, X))
        return numpy.stack([self._cache[doc.text] for doc in docs])
