from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy
from spacy.strings import get_string_id
from spacy.tokens import Doc, Span
from thinc.types import Floats2d
from tqdm import tqdm

from ..loading import make_blank
from .corpus_words import read_docs
from .imitate import Imitation, imitate, make_bags
from .word_pieces import index_words

# A longer text is several sentences.
MAX_TOKENS = 40
# So many word pieces of it are read by the encoder, few sentences have more.
MAX_PIECES = 128
MAX_SENTENCES = 200_000
BATCH_SIZE = 32


class Sentence(NamedTuple):
    """A text of a few words.

    text (str): As the encoder reads it.
    words (Tuple[str, ...]): As a static table looks them up, in lower case.
    """

    text: str
    words: Tuple[str, ...]


def read_sentences(
    paths: Iterable[Path],
    *,
    lang: str = "en",
    text: Sequence[str] = ("text",),
    **dialect: Any,
) -> List[Sentence]:
    """Draw sentences from files, see count_words and draw_sentences.

    RAISES (ValueError): L262 if a file can't be read, L663 without such a language.
    """
    nlp = make_blank(lang)
    return draw_sentences(
        doc for path in paths for doc in read_docs(path, nlp, text, dialect)
    )


def draw_sentences(docs: Iterable[Doc], n: int = MAX_SENTENCES) -> List[Sentence]:
    """Draw distinct sentences from documents, which are cut into short ones.

    Whether a sentence is drawn, and its place, depend on its text alone: neither the
    order of the documents nor how often a text occurs make a difference.

    n (int): How many to draw at most. No more than twice as many are in memory.
    RETURNS (List[Sentence]): The sentences, in random order.
    """
    drawn: Dict[int, Sentence] = {}
    for doc in docs:
        for span in _cut(doc):
            words = tuple(token.lower_ for token in span if not token.is_space)
            sentence = Sentence(span.text.strip(), words)
            if words:
                drawn[get_string_id(sentence.text)] = sentence
        if len(drawn) > 2 * n:
            drawn = {key: drawn[key] for key in sorted(drawn)[:n]}
    return [drawn[key] for key in sorted(drawn)[:n]]


def teach(
    words: Sequence[str],
    vectors: Floats2d,
    tokenizer: Any,
    model: Any,
    sentences: Sequence[Sentence],
    **settings: Any,
) -> Imitation:
    """Let the rows of a table imitate a transformer as it reads sentences.

    words (Sequence[str]): The word or "##piece" of each row.
    vectors (Floats2d): Array of shape (words, width).
    sentences (Sequence[Sentence]): In random order.
    settings (Any): See imitate.
    RAISES (ValueError): L263 if there are too few sentences.
    """
    bags = make_bags(index_words(words), (s.words for s in sentences))
    targets = encode_sentences(tokenizer, model, [s.text for s in sentences])
    return imitate(vectors, bags, targets, **settings)


def encode_sentences(tokenizer: Any, model: Any, texts: Sequence[str]) -> numpy.ndarray:
    """Run texts through a transformer.

    RETURNS (ndarray): The mean of each text's last hidden states, to unit length:
        float16 array of shape (texts, model width).
    """
    import torch

    vectors = numpy.zeros((len(texts), model.config.hidden_size), dtype="float16")
    # Texts of about the same length need little padding.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    options: Dict[str, Any] = {"padding": True, "truncation": True}
    options["max_length"] = min(tokenizer.model_max_length, MAX_PIECES)
    progress = tqdm(total=len(texts), unit=" sentences", delay=3, disable=None)
    with torch.inference_mode(), progress:
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            batch = tokenizer(
                [texts[row] for row in rows], return_tensors="pt", **options
            )
            states = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            means = (states * mask).sum(dim=1) / mask.sum(dim=1)
            vectors[rows] = torch.nn.functional.normalize(means, dim=1).numpy()
            progress.update(len(rows))
    return vectors


def _cut(doc: Doc) -> Iterator[Span]:
    for start in range(0, len(doc), MAX_TOKENS):
        yield doc[start : start + MAX_TOKENS]
