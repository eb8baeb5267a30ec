"""What the titles and descriptions of labels say about words."""

from collections import Counter
from typing import Dict, List

from spacy.language import Language
from spacy.tokens import Doc

from ..audit.audit import find_known_share
from ..audit.corpus import count_long_words
from ..similar import WORDS

# The share of descriptions from which on a word says nothing, and how many there have
# to be.
COMMON, MANY = 0.2, 20


def drop_common_words(
    records: List[Dict[str, str]], nlp: Language
) -> List[Dict[str, str]]:
    """Leave out of descriptions what is in many of them, as "this code comprises".

    RETURNS (List[Dict[str, str]]): The records. A description that is nothing else
        stays as it is.
    """
    docs: Dict[str, Doc] = {}
    for record in records:
        text = record["description"]
        if text != record["title"]:
            docs.setdefault(text, nlp.make_doc(text))
    if len(docs) < MANY:
        return records
    counts = Counter(w for doc in docs.values() for w in {t.lower_ for t in doc})
    common = {w for w, n in counts.items() if n > COMMON * len(docs)}
    shorter = {
        text: " ".join(t.text for t in doc if t.lower_ not in common)
        for text, doc in docs.items()
    }
    return [
        {**r, "description": shorter.get(r["description"], "") or r["description"]}
        for r in records
    ]


def measure_known(texts: List[str]) -> float:
    """RETURNS (float): Share of the words of more than three letters that the vectors
    of the package know, 1.0 without any.
    """
    words = Counter(word.lower() for text in texts for word in WORDS.findall(text))
    known = find_known_share(count_long_words(words))
    return 1.0 if known is None else known
