from typing import Any, List, NamedTuple, Optional, Sequence

import numpy
from spacy.tokens import Doc

from .errors import Errors

METHODS = ("load", "set_labels", "bind", "rank", "to_bytes", "from_bytes")


def check_rankers(owner: str, **rankers: Any) -> None:
    """RAISES (ValueError): L347 if one hasn't the methods of a LabelRanker."""
    for part, ranker in rankers.items():
        missing = [m for m in METHODS if not callable(getattr(ranker, m, None))]
        if missing:
            found = f"{ranker!r:.80}, which has no {missing[0]}()"
            raise ValueError(Errors.L347.format(owner=owner, part=part, found=found))


class LabelCard(NamedTuple):
    """What a ranker may know about a label.

    label (str): Its full path.
    names (List[Doc]): Its name and, if there is one, its description.
    examples (List[Doc]): Training documents, or those given with a run-time label.
    group (int): Number of the Other that pools it, -1 for a label that is trained on
        its own or was added at run time.
    is_added (bool): Whether it was added at run time.
    """

    label: str
    names: List[Doc]
    examples: List[Doc]
    group: int
    is_added: bool


class Question(NamedTuple):
    """What a ranker is asked about a batch of documents.

    docs (List[Doc]): The documents, at least one.
    candidates (List[List[str]]): Labels to score for each, can be none.
    prior (List[numpy.ndarray]): Log of the first stage's own probability of each
        candidate, to save work with. The caller combines it with the scores.
    added (Sequence[str]): Run-time labels.
    best (Sequence[str]): The first stage's most probable label of each document, what
        run-time labels compete with.
    """

    docs: List[Doc]
    candidates: List[List[str]]
    prior: List[numpy.ndarray]
    added: Sequence[str]
    best: Sequence[str]


class EncodedQuestion(Question):
    """A Question with what is known already.

    vectors (Optional[numpy.ndarray]): What the encoder of LabelRanker.bind makes of the
        documents, of shape (docs, width).
    asks_similarity (bool): Whether the similarity is of any use.
    """

    vectors: Optional[numpy.ndarray] = None
    asks_similarity: bool = True


class Ranking(NamedTuple):
    """What a ranker finds in a batch of documents.

    scores (List[numpy.ndarray]): One score per candidate of each document. Higher is
        better; differences are log odds, comparable within a document only.
    margins (Optional[numpy.ndarray]): Log odds of each run-time label against the best
        label from training, of shape (docs, added). None if it can't tell.
    similarity (Optional[numpy.ndarray]): Highest similarity to any label, from 0.0 to
        1.0, of shape (docs,). None if it can't tell.
    none_score (Optional[float]): Documents all of whose scores are lower belong to
        none of their candidates. None if it can't tell.
    """

    scores: List[numpy.ndarray]
    margins: Optional[numpy.ndarray] = None
    similarity: Optional[numpy.ndarray] = None
    none_score: Optional[float] = None
