"""The kept texts that are most like other ones."""

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import get_words_and_spaces

from ..encoders import contract
from ..ops import unit_rows
from .pipes import find_fallback, run_before


@dataclass(frozen=True)
class Neighbour:
    """A training text that is kept with the pipeline.

    text (str): The text.
    labels (List[str]): Labels that it is kept for. It can have others, if there was no
        room left for texts of these.
    similarity (float): Cosine to the text it is compared with, from -1.0 to 1.0.
    """

    text: str
    labels: List[str]
    similarity: float


def find_neighbours(
    nlp: Language,
    name: str,
    docs: Sequence[Doc],
    labels: Sequence[Sequence[str]],
    n: int,
) -> List[List[Neighbour]]:
    """Find the kept texts that are most like each of some documents, by the vectors of
    a component. Its fallback keeps a few of each label, see 'max_examples' there.

    docs (Sequence[Doc]): As the component gets them.
    labels (Sequence[Sequence[str]]): For each document, the labels whose texts are
        compared with it. A text is encoded once for all of them.
    n (int): How many, from 0.
    RETURNS (List[List[Neighbour]]): For each document, the most similar first, each
        text once. Empty if none are kept, or none has a word in common with what the
        vectors know.
    """
    fallback = find_fallback(nlp, name)
    if fallback is None or n < 1 or not docs:
        return [[] for _ in docs]
    store: Any = nlp.get_pipe(fallback).store  # type: ignore[attr-defined]
    known = {**store.known, **store.added}
    kept = {
        label: known[label]["examples"]
        for label in dict.fromkeys(label for own in labels for label in own)
        if label in known
    }
    words = {one["text"]: one["words"] for own in kept.values() for one in own}
    texts, labels_of = list(words), _list_labels(known, words)
    made = [Doc(nlp.vocab, *get_words_and_spaces(words[t], t)) for t in texts]
    X, Q = _encode(nlp, name, run_before(nlp, name, made)), _encode(nlp, name, docs)
    places, found = {text: place for place, text in enumerate(texts)}, []
    for x, own in zip(Q, labels):
        rows = {places[one["text"]]: 0 for label in own for one in kept.get(label, ())}
        nearest = [(texts[row], cosine) for row, cosine in _rank(X, x, list(rows))[:n]]
        found.append([Neighbour(text, labels_of[text], c) for text, c in nearest])
    return found


def _encode(nlp: Language, name: str, docs: Sequence[Doc]) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Unit vectors, of shape (docs, width)."""
    encoder = nlp.get_pipe(name).model.get_ref("encoder")  # type: ignore[attr-defined]
    size = nlp.batch_size
    parts = [
        encoder.ops.to_numpy(contract.encode(encoder, list(docs[start : start + size])))
        for start in range(0, len(docs), size)
    ]
    return unit_rows(numpy.concatenate(parts)) if parts else numpy.zeros((0, 0))


def _rank(
    X: numpy.ndarray, x: numpy.ndarray, rows: List[int]
) -> List[Tuple[int, float]]:
    """RETURNS (List[Tuple[int, float]]): Rows of what is like it at all, and cosines,
    the most similar first.
    """
    if not rows:
        return []
    cosines = numpy.einsum("ij,j->i", X[rows], x)
    order = numpy.argsort(-cosines, kind="stable").tolist()
    return [(rows[i], float(cosines[i])) for i in order if cosines[i] > 0.0]


def _list_labels(
    known: Dict[str, Dict[str, Any]], texts: Iterable[str]
) -> Dict[str, List[str]]:
    """RETURNS (Dict[str, List[str]]): All labels that each text is kept for."""
    found: Dict[str, Dict[str, None]] = {text: {} for text in texts}
    for label, record in known.items():
        for one in record["examples"]:
            if one["text"] in found:
                found[one["text"]][label] = None
    return {text: list(labels) for text, labels in found.items()}
