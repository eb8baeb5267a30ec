from types import MappingProxyType
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..taxonomy import Taxonomy

# For each leaf the words of its name and, if there is one, of its description.
NameWords = List[List[List[str]]]


def get_name_texts(
    label: str,
    separator: str,
    description: Optional[str] = None,
    title: Sequence[str] = (),
) -> List[str]:
    """Find the texts that say what a label is called.

    title (Sequence[str]): In place of the label, its title and those above it.
    RETURNS (List[str]): The name of a label, its last segment as words, so that
        "a/lost_card" gives "lost card", and, if there is one, the description. With a
        title, the name below what is above it, too.
    """
    if title:
        name, above = title
    else:
        segment, above = label.rpartition(separator)[2], ""
        name = segment.replace("_", " ").replace("-", " ").strip()
    below = f"{above} {name}" if above else None
    texts = [name, *(t for t in (description, below) if t and t.strip())]
    return list(dict.fromkeys(texts)) if title else texts


def get_name_words(
    taxonomy: Taxonomy,
    descriptions: Mapping[str, str],
    tokenize: Callable[[str], Doc],
    titles: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> NameWords:
    """RETURNS (NameWords): What the leaves are called, by the pipeline's tokenizer."""
    texts = [
        get_name_texts(
            leaf, taxonomy.separator, descriptions.get(leaf), titles.get(leaf, ())
        )
        for leaf in taxonomy.leaves
    ]
    return [[[token.text for token in tokenize(t)] for t in group] for group in texts]


class NameExamples:
    """Hands out the names of the labels as training documents, in random order. A name
    is one more document of its label, which matters most where there are few others.

    per_example (float): Names per document of the training data, from 0.0.
    """

    def __init__(self, vocab: Vocab, words: NameWords, per_example: float) -> None:
        self.vocab = vocab
        self.per_example = per_example
        self.texts = [
            (column, text) for column, texts in enumerate(words) for text in texts
        ]
        self._order: List[int] = []
        self._owed = 0.0

    def draw(self, n_examples: int) -> Tuple[List[Doc], List[int]]:
        """RETURNS (Tuple[List[Doc], List[int]]): As many names as are due beside a
        batch of documents, and the column of each.
        """
        self._owed += n_examples * self.per_example
        n_drawn = min(int(self._owed), len(self.texts))
        self._owed -= int(self._owed)
        if len(self._order) < n_drawn:
            self._order += numpy.random.permutation(len(self.texts)).tolist()
        drawn, self._order = self._order[:n_drawn], self._order[n_drawn:]
        # Not kept: a Doc doesn't outlive the memory zone that it is made in.
        docs = [Doc(self.vocab, words=self.texts[i][1]) for i in drawn]
        return docs, [self.texts[i][0] for i in drawn]
