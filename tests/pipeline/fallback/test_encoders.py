"""The fallback behind first stages whose encoder is a transformer that learns."""

import pytest
import spacy

pytest.importorskip("spacy_transformers")

TEXTS = ["lend me some money", "my card", "", "what is the cost", "a room"]
# Unlike "doc_spans", these can be shared by empty documents.
SPANS = {
    "@span_getters": "spacy-transformers.strided_spans.v1",
    "window": 8,
    "stride": 8,
}


@pytest.fixture
def make_nlp(tiny_bert):
    def make(first, *, shared):
        transformer = {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": str(tiny_bert),
            "get_spans": SPANS,
        }
        nlp = spacy.blank("xx")
        if shared:
            nlp.add_pipe("transformer", config={"model": transformer})
            transformer = {
                "@architectures": "spacy-transformers.TransformerListener.v1",
                "pooling": {"@layers": "reduce_mean.v1"},
            }
        encoder = {
            "@architectures": "spacy-longtail.PooledTransformer.v1",
            "transformer": transformer,
        }
        model = {
            "@architectures": "spacy-longtail.TaxonomyTextCat.v1",
            "encoder": encoder,
            "output": {"@layers": "spacy-longtail.PrototypeSoftmax.v1"},
        }
        nlp.add_pipe(first, config={"model": model, "min_count": 3})
        settings = {"source": first, "route_threshold": 0.0}
        nlp.add_pipe("zero_shot_fallback", config=settings)
        return nlp

    return make


@pytest.mark.parametrize("shared", [False, True])
def test_labels_are_those_of_the_tuned_encoder(make_nlp, kind, tmp_path, shared):
    nlp = make_nlp(kind.factory, shared=shared)
    examples = kind.make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.003
    fallback = nlp.get_pipe("zero_shot_fallback")
    seen = []
    for _ in range(2):
        for _ in range(3):
            nlp.update(examples, sgd=optimizer)
        list(nlp.pipe(TEXTS))
        seen.append(fallback.ranker.to_bytes())
    assert seen[0] != seen[1]
    assert fallback.stats["routed"] > 0

    before = [doc.cats for doc in nlp.pipe(TEXTS)]
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for doc, cats in zip(loaded.pipe(TEXTS), before, strict=True):
        assert doc.cats == pytest.approx(cats, abs=1e-5)
    # As if the fallback were new.
    fallback._seen = fallback._stages = None
    for doc, cats in zip(nlp.pipe(TEXTS), before, strict=True):
        assert doc.cats == pytest.approx(cats, abs=1e-5)
