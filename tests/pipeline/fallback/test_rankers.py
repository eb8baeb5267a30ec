"""The whole pipeline with rankers that need the extra "embeddings"."""

import pytest
import spacy

TEXTS = ["lend me some money", "my card", "", "what is the cost", "a room"]
CLASSES = {0: "contradiction", 1: "neutral", 2: "entailment"}
KINDS = {"Embedding": "BertModel", "NLI": "BertForSequenceClassification"}


@pytest.fixture
def make_tiny(make_pair, train, tmp_path):
    """Make a trained pipeline whose ranker has a model of random weights."""
    torch = pytest.importorskip("torch", reason="torch isn't installed")
    transformers = pytest.importorskip(
        "transformers", reason="transformers isn't installed"
    )

    def make(name):
        torch.manual_seed(0)
        folder = tmp_path / "encoder"
        folder.mkdir()
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "money", "card", "cost"]
        (folder / "vocab.txt").write_text("\n".join(words))
        sizes = {"hidden_size": 16, "intermediate_size": 16, "vocab_size": 16}
        config = transformers.BertConfig(
            num_hidden_layers=1, num_attention_heads=2, id2label=CLASSES, **sizes
        )
        getattr(transformers, KINDS[name])(config).save_pretrained(folder)
        tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
        tokenizer.save_pretrained(folder)
        ranker = {"@misc": f"spacy-longtail.{name}Ranker.v1", "path": str(folder)}
        nlp = make_pair(ranker={**ranker, "device": "cpu"}, route_threshold=0.02)
        train(nlp, n_updates=2)
        return nlp

    return make


@pytest.mark.parametrize("name", KINDS)
def test_batch_processes_and_loading_make_no_difference(make_tiny, name, tmp_path):
    nlp = make_tiny(name)
    single = [nlp(text).cats for text in TEXTS]
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    for found in (
        nlp.pipe(TEXTS),
        nlp.pipe(TEXTS, n_process=2, batch_size=2),
        loaded.pipe(TEXTS),
    ):
        for doc, cats in zip(found, single, strict=True):
            assert doc.cats == pytest.approx(cats, abs=1e-5)
    assert nlp.get_pipe("zero_shot_fallback").stats["routed"] > 0


@pytest.mark.parametrize("name", KINDS)
def test_only_routed_documents_are_encoded(make_tiny, name, monkeypatch):
    nlp = make_tiny(name)
    pipe = nlp.get_pipe("zero_shot_fallback")
    nlp("x")
    seen = set()
    run = pipe.ranker.transformer.run

    def watch(texts, *args, **kwargs):
        seen.update(texts)
        return run(texts, *args, **kwargs)

    monkeypatch.setattr(pipe.ranker.transformer, "run", watch)
    pipe.settings.route_threshold = 0.1
    docs = list(nlp.pipe(TEXTS))
    routed = {doc.text for doc in docs if doc._.longtail.other[1] >= 0.1}
    assert seen == routed
    assert 0 < len(routed) < len(TEXTS)


def test_encoder_that_is_gone_fails_before_the_first_document(make_tiny, tmp_path):
    """Loading needs no encoder; whether there is one is found out at once then."""
    nlp = make_tiny("Embedding")
    nlp.to_disk(tmp_path / "pipeline")
    (tmp_path / "encoder").rename(tmp_path / "moved")
    loaded = spacy.load(tmp_path / "pipeline")
    texts = iter(TEXTS)
    with pytest.raises(ValueError, match=r"\[L402\] EmbeddingRanker.*encoder"):
        next(loaded.pipe(texts))
    assert list(texts) == TEXTS
    with pytest.raises(ValueError, match=r"\[L402\]"):
        loaded("my card")


def test_encoder_that_is_not_there_fails_before_training(make_pair, make_examples):
    pytest.importorskip("torch", reason="torch isn't installed")
    pytest.importorskip("transformers", reason="transformers isn't installed")
    path = {"@misc": "spacy-longtail.EmbeddingRanker.v1", "path": "./no/such/folder"}
    nlp = make_pair(ranker=path)
    with pytest.raises(ValueError, match=r"\[L402\].*no/such/folder"):
        nlp.initialize(lambda: make_examples(nlp))
