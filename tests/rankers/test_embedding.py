import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_longtail.rankers.embedding import make_embedding_ranker

NEW = "travel/cruise"
TEXTS = ["lost card", "", "money money loan fee cost", "ship"]


@pytest.fixture
def ranker(tiny_folder, cards, encode):
    ranker = make_embedding_ranker(path=tiny_folder(), device="cpu")
    ranker.load()
    ranker.set_labels(cards, encode)
    return ranker


def test_vector_is_the_mean_over_the_word_pieces(ranker):
    torch, tokenizer, model = ranker.transformer.load()
    for text, vector in zip(TEXTS, ranker.encode(TEXTS)):
        with torch.inference_mode():
            output = model(**tokenizer(text, return_tensors="pt"))
        expected = output.last_hidden_state[0].mean(0).numpy()
        assert_allclose(vector, expected, atol=1e-5)


@pytest.mark.parametrize("use_fast", [True, False])
def test_long_text_is_the_mean_over_all_its_windows(ranker, use_fast):
    torch, tokenizer, model = ranker.transformer.load()
    if not use_fast:
        slow = type(tokenizer).slow_tokenizer_class.from_pretrained(
            ranker.transformer.path
        )
        ranker.transformer._loaded = (torch, slow, model)
    ranker.max_length = 5
    pieces = tokenizer("money loan fee cost card lost ship").input_ids[1:-1]
    states = []
    for part in (pieces[:3], pieces[3:6], pieces[6:]):
        with torch.inference_mode():
            output = model(torch.tensor([[2, *part, 3]]))
        states.append(output.last_hidden_state[0])
    texts = ["card", "money loan fee cost card lost ship", "", "sea sea sea"]
    found = ranker.encode(texts)
    assert_allclose(found[1], torch.cat(states).mean(0).numpy(), atol=1e-5)
    alone = numpy.concatenate([ranker.encode([text]) for text in texts])
    assert_allclose(found, alone, atol=1e-5)


def test_memory_does_not_grow_with_the_length_of_texts(ranker, monkeypatch):
    model, shapes = ranker.transformer.load()[2], []
    forward = model.forward

    def watch(input_ids, **inputs):
        shapes.append(input_ids.shape)
        return forward(input_ids=input_ids, **inputs)

    monkeypatch.setattr(model, "forward", watch)
    found = ranker.encode(["money card " * 3000, "sea", "ship " * 2000])
    assert len(shapes) > 1
    assert max(rows * length for rows, length in shapes) <= 4096
    assert_allclose(found[1], ranker.encode(["sea"])[0], atol=1e-5)


def test_vectors_do_not_depend_on_the_batch(ranker):
    together = ranker.encode(TEXTS)
    assert_allclose(
        together, numpy.stack([ranker.encode([t])[0] for t in TEXTS]), atol=1e-5
    )
    ranker.batch_size = 2
    assert_allclose(ranker.encode(TEXTS[::-1])[::-1], together, atol=1e-5)
    assert ranker.encode([]).shape[0] == 0


def test_document_like_a_label_ranks_it_first(ranker, ask):
    scores = ask(ranker, "money loan", "cost cost fee").scores
    assert scores[0][1] > scores[0][0]
    assert scores[1][0] > scores[1][1]


def test_label_texts_are_encoded_once(ranker, cards, encode, ask, monkeypatch):
    ask(ranker, "money")
    encoded = []
    run = ranker.transformer.run

    def watch(texts, *args, **kwargs):
        encoded.extend(texts)
        return run(texts, *args, **kwargs)

    monkeypatch.setattr(ranker.transformer, "run", watch)
    # Trained on, the first stage's vectors change, but not these.
    ranker.set_labels(cards, encode)
    assert encoded == []
    ask(ranker, "money", "cost", added=[NEW])
    assert sorted(encoded) == ["cost", "money"]


def test_bytes_have_the_labels_and_not_the_model(ranker, ask):
    loaded = make_embedding_ranker(path=ranker.transformer.path, device="cpu")
    data = ranker.to_bytes()
    loaded.from_bytes(data)
    before, after = (ask(r, "money", "ship", added=[NEW]) for r in (ranker, loaded))
    assert_allclose(after.scores, before.scores, atol=1e-5)
    assert_allclose(after.margins, before.margins, atol=1e-5)
    assert len(data) < 4000


@pytest.mark.parametrize("name", ["kappa", "batch_size", "max_length"])
def test_setting_out_of_range(name):
    with pytest.raises(ValueError, match=rf"\[L405\] EmbeddingRanker.*'{name}'"):
        make_embedding_ranker(path="x", **{name: -1})
