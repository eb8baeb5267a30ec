import pytest
import spacy
from spacy.tokens import DocBin

# (text, label, how often); the numbers of the labels are 60, 12, 4, 2, 1 and 1.
NOUNS = {
    "bank/card": ("card", 60),
    "bank/fee": ("fee", 12),
    "bank/loan": ("loan", 4),
    "shop/return": ("return", 2),
    "shop/Gift_card": ("gift", 1),
    "shop/gift card": ("voucher", 1),
}


def make_pairs():
    return [
        (f"{noun} question {i}", {label: 1.0})
        for label, (noun, n) in NOUNS.items()
        for i in range(n)
    ]


def write_docs(path, pairs):
    nlp = spacy.blank("en")
    docs = []
    for text, cats in pairs:
        doc = nlp.make_doc(text)
        doc.cats = cats
        docs.append(doc)
    DocBin(docs=docs).to_disk(path)
    return path


@pytest.fixture
def pairs():
    return make_pairs()


@pytest.fixture
def write(tmp_path):
    def write_corpus(pairs, name="train.spacy"):
        return write_docs(tmp_path / name, pairs)

    return write_corpus
