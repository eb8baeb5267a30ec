"""Made-up corpora of any number of labels and tokens, always the same for a seed."""

from typing import List, NamedTuple

import numpy

# Words that are typical of a label, and the share of a text that is made of them.
N_TYPICAL, SHARE = 8, 0.5
MOST_OF_A_LABEL = 2000


class Corpus(NamedTuple):
    """labels (List[str]): All labels, the most frequent first, in about as many groups
        as there are labels in a group.
    texts (List[str]): Texts.
    gold (List[str]): The label of each.
    """

    labels: List[str]
    texts: List[str]
    gold: List[str]


def make_corpus(n_labels: int, n_texts: int, n_tokens: int, seed: int = 0) -> Corpus:
    """Make a corpus in which the frequencies of labels and of words follow Zipf's law.

    A label has a few typical words, of which half of each of its texts is made. The
    words are those that the bundled vectors know. Every label has a text if there are
    enough of them.
    """
    rng = numpy.random.default_rng(seed)
    words = read_words()
    n_groups = max(1, int(n_labels**0.5))
    # A number tells labels apart whose word is the same.
    labels = [
        f"group {i % n_groups}/{words[i * 7 % len(words)]} {i}" for i in range(n_labels)
    ]
    typical = rng.integers(0, len(words), (n_labels, N_TYPICAL))
    owners = draw_owners(rng, n_labels, n_texts)
    n_own = max(1, int(n_tokens * SHARE))
    texts = []
    for owner in owners.tolist():
        own = typical[owner, rng.integers(0, N_TYPICAL, n_own)]
        # Zipf's law with an exponent of 1, by the inverse of its distribution.
        others = len(words) ** rng.random(n_tokens - n_own) - 1
        chosen = rng.permutation(numpy.concatenate([own, others.astype("int64")]))
        texts.append(" ".join([words[word] for word in chosen.tolist()]))
    return Corpus(labels, texts, [labels[owner] for owner in owners.tolist()])


def draw_owners(
    rng: numpy.random.Generator, n_labels: int, n_texts: int
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The label of each text, int64, (texts,)."""
    shares = 1.0 / numpy.arange(1, n_labels + 1)
    n_free = max(n_texts - n_labels, 0)
    counts = (shares / shares.sum() * n_free).astype("int64")
    counts = numpy.minimum(counts, MOST_OF_A_LABEL) + 1
    owners = numpy.repeat(numpy.arange(n_labels), counts)
    missing = max(n_texts - len(owners), 0)
    owners = numpy.concatenate([owners, rng.integers(0, n_labels, missing)])
    return rng.permutation(owners)[:n_texts]


def read_words() -> List[str]:
    """RETURNS (List[str]): Whole words of the bundled vectors, frequent ones first."""
    from spacy_longtail.vectors.table import make_bundled_vectors

    found = make_bundled_vectors().words
    return [word for word in found if word.isalpha() and len(word) > 3]
