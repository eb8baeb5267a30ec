import numpy
import pytest
import spacy
import srsly
from thinc.api import Model

BAD_SETTINGS = [
    ({"min_count": -1}, "L004"),
    ({"separator": ""}, "L005"),
    ({"kappa": -0.1}, "L312"),
    ({"name_examples": -1.0}, "L312"),
    ({"prior": "traffic"}, "L306"),
    ({"prior": 1.5}, "L306"),
    ({"cats_top_k": 0}, "L307"),
    ({"temperature": 0.0}, "L308"),
]
# Values that are neither 0.0 nor 1.0, and labels that training never saw.
VALUE_CODE = {"exclusive": "L303", "multilabel": "L325"}
UNSEEN = {
    "exclusive": r"\[LW501\] 1 documents",
    "multilabel": r"\[LW502\] 1 gold labels",
}
BAD_BLOCKS = [
    ("output", "@layers", "PrototypeSoftmax", {"scale": 0.0}),
    ("output", "@layers", "PrototypeSoftmax", {"l2sp": -1.0}),
    ("encoder", "@architectures", "StaticBag", {"word_learn_rate": -1.0}),
]


@pytest.fixture
def trained(shared_nlp):
    return shared_nlp


def initialize(nlp, examples, **settings):
    pipe = nlp.get_pipe(nlp.pipe_names[0])
    pipe.initialize(lambda: examples, nlp=nlp, **settings)


@pytest.mark.parametrize("settings, code", BAD_SETTINGS)
def test_setting_out_of_range_fails_before_training(kind, settings, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        kind.make_nlp(**settings)


@pytest.mark.parametrize("part, registry, name, settings", BAD_BLOCKS)
def test_model_out_of_range_fails_before_training(kind, part, registry, name, settings):
    block = {registry: f"spacy-longtail.{name}.v1", **settings}
    with pytest.raises(ValueError, match=rf"\[L201\] {name}"):
        kind.make_nlp(model={part: block})


@pytest.mark.parametrize("label", ["bank//card", "/card", "bank/", "bank/ /card", ""])
def test_label_with_an_empty_segment(kind, label):
    nlp = kind.make_nlp()
    with pytest.raises(ValueError, match=r"\[L001\].*empty segment"):
        initialize(nlp, kind.make_examples(nlp, [*kind.data, ("hello", label)]))


@pytest.mark.parametrize("value", [0.5, -1.0, 2.0, float("nan")])
def test_value_other_than_0_and_1_in_the_corpus(kind, value):
    nlp = kind.make_nlp()
    data = [("a card", "bank/card"), ("a room", {"travel/hotel": value})]
    with pytest.raises(
        ValueError, match=rf"\[{VALUE_CODE[kind.name]}\] Document 1 .*{value}"
    ):
        initialize(nlp, kind.make_examples(nlp, data))


def test_value_other_than_0_and_1_in_a_batch(trained, kind):
    examples = kind.make_examples(trained, [("a card", {"bank/card": 0.9})])
    with pytest.raises(
        ValueError, match=rf"\[{VALUE_CODE[kind.name]}\] Document 0 .*0.9"
    ):
        trained.get_pipe(kind.factory).update(examples)


def test_values_of_another_pipe_are_none_of_our_business(trained, kind):
    cats = {"bank/card": 1.0, "spam": 0.5, "ham": 1.0}
    examples = kind.make_examples(trained, [("a card", cats)])
    pipe = trained.get_pipe(kind.factory)
    logits = numpy.zeros((1, 7), dtype="float32")
    assert pipe.get_loss(examples, logits)[0] > 0.0


def test_keep_names_an_unknown_label(kind):
    nlp = kind.make_nlp(keep=["bank/cards"])
    with pytest.raises(ValueError, match=r"\[L003\].*'bank/cards'.*bank/card"):
        initialize(nlp, kind.make_examples(nlp))


def test_description_of_an_unknown_label(kind):
    nlp = kind.make_nlp()
    descriptions = [{"label": "bank/cards", "description": "?", "source": "d.jsonl"}]
    with pytest.raises(ValueError, match=r"\[L022\] d.jsonl.*'bank/cards'.*bank/card"):
        initialize(nlp, kind.make_examples(nlp), descriptions=descriptions)


@pytest.mark.parametrize("labels", [None, ["bank/card", "travel/hotel"]])
def test_streamed_corpus_without_counts(kind, labels):
    nlp = kind.make_nlp()
    nlp.config["training"]["max_epochs"] = -1
    with pytest.raises(ValueError, match=r"\[L304\].*spacy init labels"):
        initialize(nlp, kind.make_examples(nlp), labels=labels)


@pytest.mark.parametrize("labels", ["bank/card", 3, 0.5])
def test_labels_of_another_kind(kind, labels):
    nlp = kind.make_nlp()
    with pytest.raises(ValueError, match=r"\[L310\].*spacy init labels"):
        initialize(nlp, kind.make_examples(nlp), labels=labels)


def test_counts_below_zero(kind):
    nlp = kind.make_nlp()
    examples = kind.make_examples(nlp, [("my card", ["bank/card"])] * 2)
    with pytest.raises(ValueError, match=r"\[L006\].*'bank/card'.*-1"):
        initialize(nlp, examples, labels={"bank/card": -1, "bank/fee": 2})


def test_label_that_training_never_saw_is_scored_as_missed(trained, kind):
    data = [("I lost my card", ["bank/card"]), ("a mortgage", ["bank/mortgage"])]
    message = UNSEEN[kind.name] + ".*bank/mortgage"
    with pytest.warns(UserWarning, match=message):
        scores = trained.evaluate(kind.make_examples(trained, data))
    recall = {"exclusive": "longtail_accuracy", "multilabel": "longtail_micro_r"}
    assert scores[recall[kind.name]] == 0.5
    assert scores["longtail_f_per_label"]["bank/mortgage"]["f"] == 0.0


def test_labels_in_a_warning_steer_no_terminal(trained, kind):
    """'spacy evaluate' and 'spacy train' print it as it is."""
    data = [("I lost my card", ["bank/card"]), ("a loan", ["bank/\x1b]0;loan\x07"])]
    with pytest.warns(UserWarning, match=UNSEEN[kind.name]) as found:
        trained.evaluate(kind.make_examples(trained, data))
    assert all(str(each.message).isprintable() for each in found)


@pytest.mark.parametrize("use", ["call", "pipe", "to_bytes", "update"])
def test_pipe_that_is_not_initialized(kind, use):
    nlp = kind.make_nlp()
    uses = {
        "call": lambda: nlp("hello"),
        "pipe": lambda: list(nlp.pipe(["hello"])),
        "to_bytes": nlp.to_bytes,
        "update": lambda: nlp.update(kind.make_examples(nlp)),
    }
    with pytest.raises(ValueError, match=r"\[L301\].*nlp.initialize"):
        uses[use]()


def test_uninitialized_pipe_has_no_labels(kind):
    assert kind.make_nlp().get_pipe(kind.factory).labels == ()


def test_new_label_after_initialize(trained, kind):
    pipe = trained.get_pipe(kind.factory)
    assert pipe.add_label("bank/card") == 0
    with pytest.raises(ValueError, match=r"\[L309\].*'bank/mortgage'"):
        pipe.add_label("bank/mortgage")


def test_saved_by_a_newer_version(trained, kind, tmp_path):
    trained.to_disk(tmp_path)
    path = tmp_path / kind.factory / "cfg"
    srsly.write_json(path, {**srsly.read_json(path), "format": 99})
    with pytest.raises(ValueError, match=r"\[L305\].*format 99.*pip install -U"):
        spacy.load(tmp_path)


def test_bytes_of_a_newer_version(trained, kind):
    data = srsly.msgpack_loads(trained.get_pipe(kind.factory).to_bytes())
    data["cfg"] = srsly.json_dumps({**srsly.json_loads(data["cfg"]), "format": 99})
    with pytest.raises(ValueError, match=r"\[L305\]"):
        kind.make_nlp().get_pipe(kind.factory).from_bytes(srsly.msgpack_dumps(data))


def test_damaged_taxonomy(trained, kind, tmp_path):
    trained.to_disk(tmp_path)
    path = tmp_path / kind.factory / "cfg"
    cfg = srsly.read_json(path)
    del cfg["taxonomy"]["counts"]
    srsly.write_json(path, cfg)
    with pytest.raises(ValueError, match=r"\[L360\].*cfg of .*\[L007\].*'counts'"):
        spacy.load(tmp_path)


@spacy.registry.architectures("test_encoder_with_nan")
def build_encoder_with_nan():
    """Gives NaN for texts with "plane"."""

    def forward(model, docs, is_train):
        bad = [[float("nan") if "plane" in doc.text else 1.0] * 4 for doc in docs]
        return numpy.asarray(bad, dtype="float32"), lambda dY: docs

    return Model("nan", forward, dims={"nO": 4})


def test_encoder_that_gives_nan(kind):
    encoder = {"@architectures": "test_encoder_with_nan"}
    nlp = kind.make_nlp(model={"encoder": encoder})
    bad = next(text for text, _ in kind.data if "plane" in text)
    message = rf"\[L311\].*'{bad}'"
    with pytest.raises(ValueError, match=message):
        initialize(nlp, kind.make_examples(nlp))
    fine = [pair for pair in kind.data if "plane" not in pair[0]]
    initialize(nlp, kind.make_examples(nlp, fine))
    with pytest.raises(ValueError, match=r"\[L311\].*'a plane'"):
        list(nlp.pipe(["a card", "a plane"]))


def test_error_handler_gets_the_documents(kind):
    nlp = kind.make_nlp(model={"encoder": {"@architectures": "test_encoder_with_nan"}})
    fine = [pair for pair in kind.data if "plane" not in pair[0]]
    initialize(nlp, kind.make_examples(nlp, fine))
    failed = []
    nlp.set_error_handler(lambda name, pipe, docs, error: failed.extend(docs))
    docs = list(nlp.pipe(["a card", "a plane", "a room"], batch_size=1))
    assert [doc.text for doc in docs] == ["a card", "a room"]
    assert [doc.text for doc in failed] == ["a plane"]


@pytest.mark.parametrize("cats", [{5: 1.0}, {None: 1.0}, {("a",): 0.0}], ids=repr)
def test_keys_that_are_not_strings(kind, cats):
    nlp = kind.load_nlp()
    data = [("my card", ["bank/card"]), ("my card", {"bank/card": 1.0, **cats})]
    examples = kind.make_examples(nlp, data)
    message = r"\[L013\] Document 1 \('my card'\)"
    with pytest.raises(ValueError, match=message):
        initialize(kind.make_nlp(), examples)
    with pytest.raises(ValueError, match=message):
        nlp.update(examples)
    with pytest.raises(ValueError, match=message):
        nlp.evaluate(examples)


def test_labels_that_look_the_same(kind):
    nlp = kind.make_nlp()
    data = [("a card", ["bank"])] * 3 + [
        ("my card", ["bank\u00a0"]),
        ("a hat", ["hat"]),
    ]
    with pytest.raises(ValueError, match=r"\[L012\].*'bank' \(3 .*'bank\\xa0' \(1\)"):
        initialize(nlp, kind.make_examples(nlp, data))


@pytest.mark.parametrize("setting", ["keep", "thresholds", "descriptions", "added"])
def test_look_alike_of_a_label_in_a_setting(kind, setting):
    nlp = kind.load_pair()
    examples, alike = kind.make_examples(nlp), "bank/card\u200b"
    pipe, fallback = nlp.get_pipe(kind.factory), nlp.get_pipe("zero_shot_fallback")
    with pytest.raises(ValueError, match=r"'bank/card\\u200b'"):
        if setting == "keep":
            initialize(kind.make_nlp(keep=[alike]), examples)
        elif setting == "thresholds":
            pipe.thresholds = {alike: 0.5}
        elif setting == "descriptions":
            initialize(nlp, examples, descriptions={alike: "plastic"})
        else:
            fallback.add_label(alike)
