"""The kept texts that are most like another one."""

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence

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
    label (str): A label that it has.
    similarity (float): Cosine to the text that is explained, from -1.0 to 1.0.
    """

    text: str
    label: str
    similarity: float


def find_neighbours(
    nlp: Language, name: str, before: Doc, labels: Sequence[str], n: int
) -> List[Neighbour]:
    """Find the texts of some labels that are most like a document, by the vectors of a
    component. Its fallback keeps a few of each label, see 'max_examples' there.

    before (Doc): As the component gets it.
    labels (Sequence[str]): The labels. Others aren't looked at, as that takes time.
    n (int): How many, from 0.
    RETURNS (List[Neighbour]): The most similar first, each text once. Empty if none are
        kept, or none has a word in common with what the vectors know.
    """
    fallback = find_fallback(nlp, name)
    if fallback is None or n < 1:
        return []
    store: Any = nlp.get_pipe(fallback).store  # type: ignore[attr-defined]
    known = {**store.known, **store.added}
    kept: Dict[str, Any] = {}
    for label in labels:
        for example in known.get(label, {}).get("examples", ()):
            kept.setdefault(example["text"], (label, example["words"]))
    if not kept:
        return []
    docs = [
        Doc(nlp.vocab, *get_words_and_spaces(words, text))
        for text, (_, words) in kept.items()
    ]
    component: Any = nlp.get_pipe(name)
    encoder = component.model.get_ref("encoder")
    X = encoder.ops.to_numpy(contract.encode(encoder, run_before(nlp, name, docs)))
    x = encoder.ops.to_numpy(contract.encode(encoder, [before]))
    cosines = numpy.einsum("ij,j->i", unit_rows(X), unit_rows(x)[0])
    best = numpy.argsort(-cosines, kind="stable")[:n]
    pairs = list(kept.items())
    found = [(pairs[i][0], pairs[i][1][0], float(cosines[i])) for i in best.tolist()]
    return [Neighbour(*row) for row in found if row[2] > 0.0]
