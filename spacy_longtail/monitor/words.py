"""Words that are new, and the topics that they make."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Sequence, Set, Tuple

import numpy

from .shares import find_below

# Texts of both periods that a word has to be in.
MIN_DOCS = 5
# Share of the new words that may be there by chance.
FALSE_RATE = 0.05
# How many times more frequent a word has to be.
MIN_FACTOR = 2.0
MAX_WORDS, MAX_TOPICS = 200, 10
# Of the texts of the smaller of two words, those that have both, to be of one topic.
OVERLAP = 0.5
BLOCK = 1000


@dataclass(frozen=True)
class Topic:
    """Words that came together.

    words (Tuple[str, ...]): The most surprising first.
    n_docs, share (float): Texts with any of these words, in the sample of the period.
    before (float): Share of them in the reference.
    label (str): What most of them are labelled, "" for nothing.
    example (str): The text with the most of the words.
    """

    words: Tuple[str, ...]
    n_docs: int
    share: float
    before: float
    label: str
    example: str


def find_words(nlp: Any, texts: Iterable[str]) -> Iterator[Set[str]]:
    """YIELDS (Set[str]): The words of each text in lower case, as the pipeline splits
    it.
    """
    waiting = list(texts)
    for start in range(0, len(waiting), BLOCK):
        # Else, all of them stay in the vocabulary.
        with nlp.memory_zone():
            docs = [nlp.make_doc(text) for text in waiting[start : start + BLOCK]]
            words = [
                {token.lower_ for token in doc if token.is_alpha and not token.is_stop}
                for doc in docs
            ]
        yield from words


def find_new_words(
    before: Sequence[Set[str]], now: Sequence[Set[str]]
) -> List[Tuple[str, int, int, float]]:
    """Find the words that are in more texts than in the reference, at least
    MIN_FACTOR times as often, by Fisher's exact test, one-sided. Of those, a share of
    FALSE_RATE is there by chance.

    RETURNS (List[Tuple[str, int, int, float]]): Words, their texts before and now, and
        the p-values, which come first.
    """
    counts = [Counter(word for words in own for word in words) for own in (before, now)]
    known = [w for w in {**counts[1], **counts[0]} if counts[0][w] + counts[1][w] >= 5]
    n_before, n_now = len(before), len(now)
    logs = numpy.log(numpy.arange(1, n_before + n_now + 1))
    factorials = numpy.concatenate([[0.0], numpy.cumsum(logs)])
    p_values = [
        _get_tail(factorials, counts[1][w], counts[0][w], n_now, n_before)
        for w in known
    ]
    found = []
    for i in find_below(p_values, FALSE_RATE):
        a, b = counts[0][known[i]], counts[1][known[i]]
        if b / n_now >= MIN_FACTOR * a / n_before:
            found.append((known[i], a, b, p_values[i]))
    return found[:MAX_WORDS]


def _get_tail(
    factorials: numpy.ndarray, now: int, before: int, n_now: int, n_before: int
) -> float:
    """RETURNS (float): How probable so many texts of the period, or more, are among
    those with a word, if it's as frequent in both: a tail of the hypergeometric.
    """
    both, n = now + before, n_now + n_before
    if now * n_before <= before * n_now:
        return 1.0
    x = numpy.arange(now, min(both, n_now) + 1)
    f = factorials
    logs = f[both] - f[x] - f[both - x] + f[n - both]
    logs += f[n_now] + f[n - n_now] - f[n] - f[n_now - x] - f[n - both - n_now + x]
    return float(min(numpy.exp(logs).sum(), 1.0))


def find_topics(
    words: Sequence[str],
    before: Sequence[Set[str]],
    now: Sequence[Set[str]],
    sample: Sequence[Tuple[str, str]],
) -> List[Topic]:
    """Put the words together that are in the same texts: each word starts a topic,
    unless an earlier one has it.

    words (Sequence[str]): The most surprising first.
    sample (Sequence[Tuple[str, str]]): Text and label of each of the sets of words now.
    """
    wanted, places = set(words), defaultdict(set)
    for i, own in enumerate(now):
        for word in own & wanted:
            places[word].add(i)
    topics: List[Topic] = []
    free = list(words)
    while free and len(topics) < MAX_TOPICS:
        first = places[free[0]]
        members = [
            word
            for word in free
            if len(places[word] & first) >= OVERLAP * min(len(places[word]), len(first))
        ]
        free = [word for word in free if word not in members]
        topics.append(_make_topic(members, places, before, now, sample))
    return topics


def _make_topic(
    members: List[str],
    places: Dict[str, Set[int]],
    before: Sequence[Set[str]],
    now: Sequence[Set[str]],
    sample: Sequence[Tuple[str, str]],
) -> Topic:
    own = set(members)
    rows = sorted(set().union(*(places[word] for word in members)))
    labels = Counter(sample[row][1] for row in rows)
    n_before = sum(not own.isdisjoint(words) for words in before)
    best = max(rows, key=lambda row: (len(now[row] & own), -len(sample[row][0])))
    return Topic(
        tuple(members[:8]),
        len(rows),
        len(rows) / len(now),
        n_before / max(len(before), 1),
        labels.most_common(1)[0][0],
        sample[best][0],
    )
