"""What a document gets is the same to the last bit, whatever else is in its batch."""

import random

import pytest
import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_longtail.pipeline.factories import KINDS

WORDS = "card loan fee tax plane hotel visa train garden kitchen oven tree".split()
# Sums of 8 numbers or more are added up in an order that depends on the memory.
LABELS = [f"{'ab'[i % 2]}/l{i}" for i in range(44)]
TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 32,
    "depth": 1,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}
POOLED = {"@architectures": "spacy-longtail.PooledTok2Vec.v1", "tok2vec": TOK2VEC}
SOFTMAX = "spacy-longtail.PrototypeSoftmax.v1"
MODELS = {
    "default": {},
    "single": {"output": {"@layers": SOFTMAX, "other": "single"}},
    "siblings": {"output": {"@layers": "spacy-longtail.SiblingSoftmax.v1"}},
    "tok2vec": {"encoder": POOLED},
}
PROTOTYPES = {"@misc": "spacy-longtail.PrototypeRanker.v1", "epochs": 1}
LEXICAL = {"@misc": "spacy-longtail.LexicalRanker.v1"}
RANKERS = {
    "prototypes": {"ranker": PROTOTYPES},
    "combined": {
        "ranker": {
            "@misc": "spacy-longtail.CombinedRanker.v1",
            "rankers": {"a": PROTOTYPES, "b": LEXICAL},
        },
        "gate": PROTOTYPES,
        "gate_slack": 0.5,
    },
}


def make_text(rng, label):
    words = [label.rpartition("/")[2]] * 2 if label else []
    return " ".join([*words, *rng.sample(WORDS, rng.randrange(12))])


def make_nlp(kind, model, fallback):
    """Train with 4 documents of every third label and one of the others."""
    factory, rng = KINDS[kind].factory, random.Random(0)
    nlp = spacy.blank("xx")
    nlp.tokenizer.rules = {}
    nlp.add_pipe(factory, config={"model": model} if model else {})
    config = {"source": factory, "route_threshold": 0.05, **fallback}
    nlp.add_pipe("zero_shot_fallback", config=config)
    fix_random_seed(0)
    examples = [
        Example.from_dict(
            nlp.make_doc(make_text(rng, label)), {"cats": {label: 1.0, "b/l0": 0.0}}
        )
        for i, label in enumerate(LABELS)
        for _ in range(1 if i % 3 else 4)
    ]
    nlp.update(examples, sgd=nlp.initialize(lambda: examples))
    pipe = nlp.get_pipe("zero_shot_fallback")
    pipe.add_label("a/new", examples=["tax card", "visa"])
    pipe.add_label("b/new")
    return nlp


VARIANTS = [(name, "prototypes") for name in MODELS]
VARIANTS += [("default", name) for name in RANKERS if name != "prototypes"]
QUICK = ("default", "prototypes")
VARIANTS = [
    pytest.param(*pair, marks=[] if pair == QUICK else pytest.mark.slow)
    for pair in VARIANTS
]


@pytest.mark.parametrize("model, ranker", VARIANTS)
def test_batch_and_order_change_no_bit(model, ranker, request):
    for kind in KINDS:
        if model == "siblings" and kind != "exclusive":
            continue
        nlp, rng = make_nlp(kind, MODELS[model], RANKERS[ranker]), random.Random(1)
        texts = [make_text(rng, rng.choice(LABELS)) for _ in range(66)]
        texts += ["", make_text(rng, ""), "  "]
        alone = {}
        for text in texts:
            doc = nlp(text)
            alone[text] = doc.cats, doc._.longtail
        routed = nlp.get_pipe("zero_shot_fallback").stats["routed_share"]
        assert routed > 0.2
        for size in (3, 64, 1000):
            rng.shuffle(texts)
            sizes = dict.fromkeys(nlp.pipe_names, {"batch_size": size})
            for doc in nlp.pipe(texts, batch_size=size, component_cfg=sizes):
                assert (doc.cats, doc._.longtail) == alone[doc.text]
