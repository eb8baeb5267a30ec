import numpy
import pytest
import spacy

from spacy_longtail.questions import LabelCard, Question

NLP = spacy.blank("en")
WORDS = ["loan", "money", "fee", "cost", "card", "lost", "ship", "sea"]
# Label, name, examples, Other, whether it was added at run time.
LABELS = [
    ("bank/card", "card", ["lost card", "card lost lost"], -1, False),
    ("bank/fee", "fee", ["cost cost fee", "cost"], 0, False),
    ("bank/loan", "loan", ["money", "money loan"], 0, False),
    ("travel/cruise", "ship", [], -1, True),
]


def count_words(docs):
    """Encode by counting words, so that a reader can follow."""
    X = numpy.zeros((len(docs), len(WORDS)), dtype="float32")
    for row, doc in enumerate(docs):
        for token in doc:
            if token.text in WORDS:
                X[row, WORDS.index(token.text)] += 1
    return X


@pytest.fixture
def encode():
    return count_words


@pytest.fixture
def make_docs():
    return lambda *texts: [NLP.make_doc(text) for text in texts]


@pytest.fixture
def cards(make_docs):
    return [
        LabelCard(label, make_docs(name), make_docs(*examples), group, is_added)
        for label, name, examples, group, is_added in LABELS
    ]


@pytest.fixture
def ask(make_docs):
    """Ask a ranker about the pooled labels, or others."""

    def ask(ranker, *texts, candidates=("bank/fee", "bank/loan"), added=(), best=None):
        n, prior = len(texts), numpy.zeros(len(candidates))
        best = best or ["bank/card"] * n
        asked = [list(candidates)] * n, [prior] * n, list(added), best
        return ranker.rank(Question(make_docs(*texts), *asked))

    return ask


@pytest.fixture
def tiny_folder(tmp_path):
    """Make a folder with a BERT model of random weights, and its tokenizer."""
    torch = pytest.importorskip("torch", reason="torch isn't installed")
    transformers = pytest.importorskip(
        "transformers", reason="transformers isn't installed"
    )

    def make(kind="BertModel", **settings):
        torch.manual_seed(0)
        vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "this", "text", "is"]
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "vocab.txt").write_text("\n".join([*vocab, "about", ".", *WORDS]))
        config = transformers.BertConfig(
            vocab_size=32,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            initializer_range=0.5,
            **settings,
        )
        getattr(transformers, kind)(config).save_pretrained(folder)
        tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
        tokenizer.save_pretrained(folder)
        return str(folder)

    return make
