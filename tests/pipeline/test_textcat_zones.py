"""Memory zones, and documents of several vocabularies."""

from contextlib import nullcontext

import pytest
from spacy.lang.xx import MultiLanguage
from spacy.tokens import Doc
from spacy.vocab import create_vocab
from thinc.api import fix_random_seed

TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 8,
    "depth": 1,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}
POOLED = {"@architectures": "spacy-longtail.PooledTok2Vec.v1", "tok2vec": TOK2VEC}
BAG = {
    "@architectures": "spacy-longtail.StaticBag.v1",
    "vectors": {"@misc": "spacy-longtail.BundledVectors.v2"},
}
ENCODERS = {"bag": BAG, "frozen": {**BAG, "trainable": False}, "tok2vec": POOLED}
RANKERS = {
    key: {"@misc": f"spacy-longtail.{key}Ranker.v1"}
    for key in ("Prototype", "Lexical", "NoOp")
}
RANKERS["Combined"] = {
    "@misc": "spacy-longtail.CombinedRanker.v1",
    "rankers": {"a": RANKERS["Prototype"], "b": RANKERS["Lexical"]},
}
TEXTS = ["lend me some zzqx money", "my card", "", "what is the cost", "a zzqx room"]


def live(kind, encoder, ranker, gate, *, zones):
    """Train, predict and add a label in turns, and return all that is predicted."""
    config = {"ranker": RANKERS[ranker], "gate": gate and RANKERS[gate]}
    first = {"model": {"encoder": ENCODERS[encoder]}}
    nlp = kind.make_pair(first=first, **config)
    found = []

    def enter():
        return nlp.memory_zone() if zones else nullcontext()

    def predict():
        found.extend((doc.cats, doc._.longtail) for doc in nlp.pipe(TEXTS))

    fix_random_seed(0)
    with enter():
        optimizer = nlp.initialize(lambda: kind.make_examples(nlp))
    for turn in range(2):
        with enter():
            nlp.update(kind.make_examples(nlp), sgd=optimizer)
            predict()
        with enter():
            nlp.get_pipe("zero_shot_fallback").add_label(
                f"bank/new{turn}", description="gold", examples=["a zzqx of gold"]
            )
            # Where the words of the zones before were, there are others now.
            for number in range(300 if zones else 0):
                nlp.vocab[f"word{turn}x{number}"]  # noqa: B018
        predict()
        with enter():
            found.append(nlp.evaluate(kind.make_examples(nlp))["longtail_f_per_label"])
    return found


@pytest.mark.parametrize(
    "encoder, ranker, gate",
    [
        ("bag", "Combined", "Lexical"),
        ("frozen", "Lexical", "Prototype"),
        ("tok2vec", "NoOp", None),
    ],
)
def test_memory_zones_change_nothing(kind, encoder, ranker, gate):
    plain = live(kind, encoder, ranker, gate, zones=False)
    assert live(kind, encoder, ranker, gate, zones=True) == plain


@pytest.mark.parametrize("encoder", ["bag", "tok2vec"])
def test_documents_of_several_vocabularies_in_a_batch(kind, encoder):
    def make_docs():
        docs = []
        for i, text in enumerate(["unheardof zzqx", "my card", "", "mark the qqwx"]):
            # The vocabulary of each knows its own words only.
            vocab = create_vocab("xx", MultiLanguage.Defaults) if i else nlp.vocab
            docs.append(Doc(vocab, words=text.split()))
        return docs

    nlp = kind.make_pair(first={"model": {"encoder": ENCODERS[encoder]}})
    kind.train(nlp, n_updates=1)
    pipes = [pipe for _, pipe in nlp.pipeline]
    alone, together = make_docs(), make_docs()
    for pipe in pipes:
        together = list(pipe.pipe(together))
        alone = [pipe(doc) for doc in alone]
    assert [doc.cats for doc in together] == [doc.cats for doc in alone]
    assert [d._.longtail for d in together] == [d._.longtail for d in alone]
    examples = kind.make_examples(nlp)
    examples[1].predicted = Doc(together[-1].vocab, words=["rewq", "card"])
    assert pipes[0].update(examples)[kind.factory] > 0
