from importlib.util import find_spec

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.vectors.distill import (
    add_words,
    distill,
    encode_alone,
    get_frame,
    read_vocabulary,
    reduce_vectors,
)
from spacy_longtail.vectors.local_model import find_model, load_transformer
from spacy_longtail.vectors.table import make_table_vectors

WORDS = ["card", "money", "bank", "a", "b", "c"]


NEEDS_TORCH = pytest.mark.skipif(find_spec("torch") is None, reason="torch isn't here")
NEEDS_TRANSFORMERS = pytest.mark.skipif(
    find_spec("transformers") is None, reason="transformers isn't here"
)


@pytest.fixture
def loaded(tiny_bert):
    return load_transformer(str(tiny_bert))


def make_sentencepiece_tokenizer():
    """Byte-level pieces, as GPT-2 and RoBERTa have them."""
    tokenizers = pytest.importorskip("tokenizers")
    from transformers import PreTrainedTokenizerFast

    tokens = ["<s>", "</s>", "<unk>", "\u0120card", "\u0120Bank", "a", "s", "\u0120"]
    tokens += ["\u0120\u00c3\u00a4h", "\u00c3"]
    vocab = {token: i for i, token in enumerate(tokens)}
    model = tokenizers.models.WordLevel(vocab, unk_token="<unk>")
    backend = tokenizers.Tokenizer(model)
    backend.decoder = tokenizers.decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def test_vocabulary_of_word_pieces(loaded):
    found = read_vocabulary(loaded[0])
    assert found["card"] == [31] and found["##z"] == [58]
    assert list(found)[:2] == ["a", "b"]
    assert "[CLS]" not in found


def test_vocabulary_of_bytes():
    """ "Ġ" begins a word; a piece without it continues one. Bytes that are no
    character alone are left out, and words are in lower case.
    """
    found = read_vocabulary(make_sentencepiece_tokenizer())
    assert list(found) == ["card", "bank", "##a", "##s", "äh"]


def test_added_words_are_the_mean_of_their_pieces(loaded):
    tokenizer, model = loaded
    pieces = {"card": [31]}
    add_words(pieces, tokenizer, ["Bank", "card", "🎉", " ", "##x", "bank"])
    assert list(pieces) == ["card", "bank"]
    X = encode_alone(tokenizer, model, list(pieces.values()))
    ids = tokenizer("bank", return_tensors="pt")
    states = model(**ids).last_hidden_state[0].detach().numpy()
    assert_allclose(X[1], states[1:-1].mean(axis=0), atol=1e-5)


def test_frame_is_what_stands_around_a_text(loaded):
    assert get_frame(loaded[0]) == ([2], [3])


@NEEDS_TORCH
def test_reduced_vectors_keep_what_is_similar():
    rng = numpy.random.RandomState(0)
    E = rng.randn(6, 8).astype("float32")
    X = reduce_vectors(WORDS, E, width=5, whitening=0.0, smoothing=1e9)
    E = E / numpy.linalg.norm(E, axis=1, keepdims=True)
    E -= E.mean(axis=0)
    ratio = (X @ X.T) / (E @ E.T)
    assert X.shape == (6, 5)
    assert_allclose(ratio, ratio[0, 0], rtol=1e-3)


@NEEDS_TORCH
def test_frequent_words_are_short():
    E = numpy.random.RandomState(0).randn(300, 8).astype("float32")
    words = [f"w{i}" for i in range(300)]
    lengths = numpy.linalg.norm(reduce_vectors(words, E, whitening=1.0), axis=1)
    assert lengths[:20].mean() < lengths[-20:].mean() / 2


def test_table_trains_a_pipeline(tiny_bert, tmp_path):
    table = distill(str(tiny_bert), ["bank", "house"], table_name="t", width=8)
    table.to_disk(tmp_path / "table")
    again = make_table_vectors(path=str(tmp_path / "table"))
    assert again.width == 8 and "bank" in again.words and "##a" in again.words
    assert again.meta["source"] == str(tiny_bert)
    rows = list(again.find("bank"))
    assert_array_equal(again.get(rows), table.get(rows))
    assert len(again.find("cards")) == 2


def test_saved_pipeline_finds_its_table(tiny_bert, tmp_path, make_examples_for):
    distill(str(tiny_bert), table_name="t", width=8).to_disk(tmp_path / "table")
    nlp = spacy.blank("en")
    vectors = {
        "@misc": "spacy-longtail.TableVectors.v1",
        "path": str(tmp_path / "table"),
    }
    encoder = {"@architectures": "spacy-longtail.StaticBag.v1", "vectors": vectors}
    config = {"model": {"encoder": encoder}, "min_count": 0}
    nlp.add_pipe("longtail_textcat", config=config)
    examples = make_examples_for(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    assert loaded("my card").cats == nlp("my card").cats


@pytest.fixture
def make_examples_for():
    from spacy.training import Example

    def make(nlp):
        texts = {"my card": "a", "a card": "a", "money": "b", "send money": "b"}
        return [
            Example.from_dict(nlp.make_doc(text), {"cats": {label: 1.0}})
            for text, label in texts.items()
        ]

    return make


def test_only_a_vocabulary(tiny_bert):
    table = distill(
        str(tiny_bert), ["bank", "card"], table_name="t", use_vocabulary=False
    )
    assert table.words == ("bank", "card")


def test_too_few_words(tiny_bert):
    with pytest.raises(ValueError, match=r"\[L260\].*1 word"):
        distill(str(tiny_bert), ["card"], table_name="t", use_vocabulary=False)


@pytest.mark.parametrize("path", [None, ""])
def test_table_needs_a_path(path):
    with pytest.raises(ValueError, match=r"\[L261\]"):
        make_table_vectors(path=path)


def test_missing_table(tmp_path):
    with pytest.raises(ValueError, match=r"\[L251\]"):
        make_table_vectors(path=str(tmp_path / "missing"))


@NEEDS_TRANSFORMERS
def test_missing_model(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match=r"\[L211\].*no-such"):
        load_transformer(str(tmp_path / "no-such"))


def test_missing_library(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ValueError, match=r"\[L210\].*pip install"):
        load_transformer("any")


def test_model_of_a_package(monkeypatch, tmp_path):
    (tmp_path / "a_model_package.py").write_text("def get_model_path(): return 'x/y'")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_model("a_model_package") == "x/y"
    assert find_model("json") == "json"
    assert find_model("org/name") == "org/name"
    assert find_model(str(tmp_path)) == str(tmp_path)
