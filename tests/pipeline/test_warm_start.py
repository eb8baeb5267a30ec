import warnings
from pathlib import Path

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal
from spacy.cli.train import train
from spacy.tokens import DocBin
from thinc.api import Config

# Besides the labels that a pipeline was trained on: some that are new, and enough
# documents of "bank/fee" for a column of its own.
NEW_DATA = [
    ("a cake with chocolate", ["food/cake"]),
    ("bake me a cake", ["food/cake"]),
    ("this cake is sweet", ["food/cake"]),
    ("bread from the bakery", ["food/bread"]),
    ("a loaf of bread", ["food/bread"]),
    ("fresh bread and butter", ["food/bread"]),
    ("is a parrot a pet", ["zoo"]),
    ("the fee of my account", ["bank/fee"]),
    ("how high is the fee", ["bank/fee"]),
    ("why did you charge a fee", ["bank/fee"]),
    ("gold and silver", ["bank/gold"]),
]
NEW = {"food/cake", "food/bread", "zoo", "bank/gold"}
OUTPUTS = [
    {"@layers": f"spacy-longtail.{layer}.v1", "other": other}
    for layer in ("PrototypeSoftmax", "SiblingSoftmax")
    for other in ("mixture", "single")
]


def add_new(kind):
    return [*kind.data, *NEW_DATA]


def warm_start(kind, nlp, data, **settings):
    examples = kind.make_examples(nlp, data)
    pipe = nlp.get_pipe(kind.factory)
    pipe.warm_start(lambda: examples, nlp=nlp, **settings)
    return pipe, examples


def get_logits(pipe, examples):
    return pipe.get_raw_scores([eg.predicted for eg in examples]).logits


def load(kind, output):
    model = {"output": output}
    if kind.name == "multilabel" and "Sibling" in output["@layers"]:
        pytest.skip("its logits aren't independent")
    return kind.load_nlp(model=model)


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda o: o["@layers"] + o["other"])
def test_known_labels_go_on_and_new_ones_start(kind, output):
    nlp = load(kind, output)
    pipe = nlp.get_pipe(kind.factory)
    before = pipe.taxonomy
    pipe, examples = warm_start(kind, nlp, add_new(kind))
    after = pipe.taxonomy
    assert set(after.leaves) == set(before.leaves) | NEW
    assert "bank/fee" in before.pooled
    assert "bank/fee" not in after.pooled
    assert not {"food/cake", "food/bread"} & after.pooled
    assert "bank/gold" in after.pooled
    sgd = nlp.create_optimizer()
    for _ in range(15):
        nlp.update(examples, sgd=sgd)
    texts = ["a chocolate cake", "bread and butter", "the fee is high"]
    found = [doc._.longtail.label for doc in nlp.pipe(texts)]
    assert found == ["food/cake", "food/bread", "bank/fee"]
    assert nlp("when does the plane leave")._.longtail.label == "travel/flight"
    again = spacy.blank("xx")
    again.add_pipe(kind.factory, config={"model": {"output": output}})
    assert again.from_bytes(nlp.to_bytes())(texts[0]).cats == nlp(texts[0]).cats


def test_weights_are_found_by_name(kind):
    """Columns move when labels come in between."""
    nlp = kind.load_nlp()
    pipe = nlp.get_pipe(kind.factory)
    old, labels = get_logits(pipe, kind.make_examples(nlp)), pipe.labels
    pipe, examples = warm_start(kind, nlp, add_new(kind))
    new = get_logits(pipe, examples)[: len(old)]
    columns = [pipe.taxonomy.index[label] for label in labels]
    assert columns != list(range(len(labels)))
    # The default loss takes the whole prior out of the logits.
    assert_array_equal(new[:, columns], old)
    fresh = kind.make_nlp()
    kind.train(fresh, add_new(kind), n_updates=0)
    # What an untrained encoder would have made of it.
    assert not numpy.allclose(
        get_logits(fresh.get_pipe(kind.factory), examples)[: len(old), columns], old
    )


def test_logits_get_the_new_prior_where_they_contain_the_old(kind):
    losses = {
        "exclusive": "LogitAdjusted",
        "multilabel": "BinaryLogitAdjusted",
    }
    loss = {"@losses": f"spacy-longtail.{losses[kind.name]}.v1", "tau": 0.0}
    nlp = kind.load_nlp(loss=loss)
    pipe = nlp.get_pipe(kind.factory)
    examples, labels = kind.make_examples(nlp), pipe.labels
    old = get_logits(pipe, examples) + pipe.get_bias("uniform")
    warm_start(kind, nlp, kind.data * 3 + NEW_DATA)
    new = get_logits(pipe, examples) + pipe.get_bias("uniform")
    columns = [pipe.taxonomy.index[label] for label in labels]
    assert_allclose(new[:, columns], old, atol=1e-4)


def test_label_without_documents_keeps_its_column(kind):
    nlp = kind.load_nlp()
    known = nlp.get_pipe(kind.factory).labels
    pipe, examples = warm_start(kind, nlp, NEW_DATA)
    assert set(pipe.labels) == {*known, *NEW}
    assert "bank/card" not in pipe.taxonomy.pooled
    assert pipe.label_data["counts"]["bank/card"] == 0
    sgd = nlp.create_optimizer()
    for _ in range(10):
        nlp.update(examples, sgd=sgd)
    assert nlp("block my card")._.longtail.label == "bank/card"
    # It is so the next week, too.
    pipe, _ = warm_start(kind, nlp, [*NEW_DATA, ("a stolen card", ["bank/card"])])
    assert "bank/card" not in pipe.taxonomy.pooled


def test_labels_are_pooled_if_min_count_was_raised(kind):
    nlp = kind.load_nlp()
    nlp.get_pipe(kind.factory).settings.min_count = 5
    pipe, _ = warm_start(kind, nlp, [*kind.data, ("this card", ["bank/card"])])
    assert pipe.taxonomy.pooled == set(kind.labels) - {"bank/card"}


def test_descriptions_stay_and_new_ones_count(kind):
    nlp = kind.make_nlp()
    examples, pipe = kind.make_examples(nlp), nlp.get_pipe(kind.factory)
    texts = {"bank/card": "plastic money", "bank/fee": "what it costs"}
    pipe.initialize(lambda: examples, nlp=nlp, descriptions=texts)
    texts = {"bank/fee": "a price", "zoo": "animals"}
    warm_start(kind, nlp, add_new(kind), descriptions=texts)
    names = dict(zip(pipe.labels, pipe.cfg["names"]))
    assert names["bank/card"][1] == ["plastic", "money"]
    assert names["bank/fee"][1] == ["a", "price"]
    assert names["zoo"][1] == ["animals"]


def test_thresholds_are_dropped_with_a_warning(kind):
    nlp = kind.load_nlp()
    nlp.get_pipe(kind.factory).thresholds = {"bank": 0.5}
    with pytest.warns(UserWarning, match=r"\[LW303\]"):
        pipe, _ = warm_start(kind, nlp, add_new(kind))
    assert pipe.thresholds == {}


def test_thresholds_of_the_fallback_are_dropped_too(kind):
    nlp = kind.load_pair()
    pipe, examples = warm_start(kind, nlp, add_new(kind))
    second = nlp.get_pipe("zero_shot_fallback")
    second.settings.thresholds = {"bank": 0.5}
    second.settings.abstain_threshold = 0.9
    with pytest.warns(UserWarning, match=r"\[LW303\].*'zero_shot_fallback'"):
        second.warm_start(lambda: examples, nlp=nlp)
    assert second.settings.thresholds == {}
    assert second.settings.abstain_threshold == 0.0
    # What the config says holds for a start from scratch.
    second.settings.abstain_threshold = 0.9
    second.initialize(lambda: examples, nlp=nlp)
    assert second.settings.abstain_threshold == 0.9


def test_initialize_starts_from_scratch(kind):
    nlp = kind.load_nlp()
    examples = kind.make_examples(nlp, NEW_DATA)
    nlp.initialize(lambda: examples)
    assert set(nlp.get_pipe(kind.factory).labels) == {*NEW, "bank/fee"}


def test_update_refuses_labels_that_it_does_not_know(kind):
    nlp = kind.load_nlp()
    before = nlp.get_pipe(kind.factory).to_bytes(exclude=["vocab"])
    message = r"\[L341\] Document 1 .*'bank/crad'.*bank/card.*warm_start"
    data = [("my card", ["bank/card"]), ("my card", ["bank/crad"])]
    with pytest.raises(ValueError, match=message):
        nlp.update(kind.make_examples(nlp, data), sgd=nlp.create_optimizer())
    assert nlp.get_pipe(kind.factory).to_bytes(exclude=["vocab"]) == before
    # What a document hasn't, needn't be known.
    nlp.update(kind.make_examples(nlp, [("my card", {"bank/card": 1.0, "x": 0.0})]))


@pytest.mark.parametrize(
    "label, code", [("bank/card/gold", "L342"), ("travel > hotel", "L343")]
)
def test_labels_that_cannot_go_on(kind, label, code):
    nlp = kind.load_nlp()
    pipe = nlp.get_pipe(kind.factory)
    before = pipe.to_bytes(exclude=["vocab"])
    with pytest.raises(ValueError, match=rf"\[{code}\].*{label}"):
        warm_start(kind, nlp, [*kind.data, ("a text", [label])])
    assert pipe.to_bytes(exclude=["vocab"]) == before


def test_another_separator_is_refused(kind):
    nlp = kind.load_nlp()
    nlp.get_pipe(kind.factory).settings.separator = "|"
    with pytest.raises(ValueError, match=r"\[L343\]"):
        warm_start(kind, nlp, kind.data)


def test_look_alike_of_a_known_label_is_refused(kind):
    nlp = kind.load_nlp()
    with pytest.raises(ValueError, match=r"\[L012\].*'bank/card\\u200b'"):
        warm_start(kind, nlp, [*kind.data, ("a text", ["bank/card\u200b"])])


def test_declared_labels_have_to_be_declared_again(kind):
    nlp = kind.make_nlp()
    examples, pipe = kind.make_examples(nlp), nlp.get_pipe(kind.factory)
    labels = list(kind.labels)
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels)
    with pytest.raises(ValueError, match=r"\[L349\] .* 8 documents.*'food/cake'"):
        warm_start(kind, nlp, add_new(kind))
    warm_start(kind, nlp, add_new(kind), labels=[*labels, *NEW])
    assert NEW <= set(pipe.labels)


def test_before_initialize_there_is_nothing_to_go_on_from(kind):
    with pytest.raises(ValueError, match=r"\[L301\]"):
        warm_start(kind, kind.make_nlp(), kind.data)


TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "depth": 1,
    "embed_size": 300,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}


def make_listening(kind, width=16):
    nlp = spacy.blank("xx")
    nlp.add_pipe("tok2vec", config={"model": {**TOK2VEC, "width": width}})
    encoder = {
        "@architectures": "spacy-longtail.PooledTok2Vec.v1",
        "tok2vec": {
            "@architectures": "spacy.Tok2VecListener.v1",
            "width": width,
            "upstream": "tok2vec",
        },
    }
    nlp.add_pipe(kind.factory, config={"model": {"encoder": encoder}})
    return nlp


def test_listener_goes_on(kind):
    nlp = make_listening(kind)
    kind.train(nlp, n_updates=3)
    pipe = nlp.get_pipe(kind.factory)
    docs = [eg.predicted for eg in kind.make_examples(nlp)]
    docs = list(nlp.get_pipe("tok2vec").pipe(docs))
    old, labels = pipe.get_raw_scores(docs).logits, pipe.labels
    warm_start(kind, nlp, add_new(kind))
    columns = [pipe.taxonomy.index[label] for label in labels]
    assert_array_equal(pipe.get_raw_scores(docs).logits[:, columns], old)


def test_encoder_of_another_width_is_refused(kind):
    """Of a listener, whose component isn't that of the first training."""
    nlp, other = make_listening(kind), make_listening(kind, width=24)
    kind.train(nlp, n_updates=1)
    kind.train(other, n_updates=1)
    other.remove_pipe(kind.factory)
    other.add_pipe(kind.factory, source=nlp)
    with pytest.raises(ValueError, match=r"\[L348\].*16"):
        warm_start(kind, other, add_new(kind))


def test_output_layer_that_cannot_go_on_is_refused(kind):
    nlp = kind.load_nlp()
    output = nlp.get_pipe(kind.factory).model.get_ref("output")
    del output.attrs["extend_start"]
    with pytest.raises(ValueError, match=r"\[L344\]"):
        warm_start(kind, nlp, add_new(kind))


def get_rows(pipe):
    layer = pipe.model.get_ref("output")
    rate = layer.attrs["learn_rate"]
    rows = layer.get_param("start") + rate * layer.get_param("D")
    return dict(zip(pipe.labels, rows))


@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_share_of_what_was_learned(kind, keep):
    """The rest is that of a start from scratch, but for labels without documents."""
    nlp, fresh = kind.load_nlp(), kind.load_nlp()
    pipe, scratch = nlp.get_pipe(kind.factory), fresh.get_pipe(kind.factory)
    learned = get_rows(pipe)
    data = [row for row in add_new(kind) if "bank/card" not in row[1]]
    scratch.initialize(lambda: kind.make_examples(fresh, data), nlp=fresh)
    start = get_rows(scratch)
    warm_start(kind, nlp, data, keep=keep)
    found = get_rows(pipe)
    assert_allclose(found["bank/card"], learned["bank/card"], atol=1e-5)
    assert_allclose(found["food/cake"], start["food/cake"], atol=1e-4)
    known = sorted(learned.keys() & start.keys() - {"bank/card"})
    assert len(known) > 3
    for label in known:
        expected = start[label] + keep * (learned[label] - start[label])
        assert_allclose(found[label], expected, atol=1e-4)
        assert abs(learned[label] - start[label]).max() > 0.01


@pytest.mark.parametrize("keep", [-0.1, 1.1, "all", float("nan")])
def test_a_share_that_is_none(kind, keep):
    with pytest.raises(ValueError, match=r"\[L752\].*'keep'"):
        warm_start(kind, kind.load_nlp(), kind.data, keep=keep)


# With the config of 'spacy train', where spaCy initializes no sourced component.

FILL = """
[nlp]
lang = "xx"
pipeline = {pipeline}

[components]

[components.{factory}]
source = "{folder}/model"

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = "{folder}/train.spacy"

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = "{folder}/train.spacy"

[training]
max_steps = 1
eval_frequency = 1
{training}
"""
SOURCED = """
[components.zero_shot_fallback]
source = "{folder}/model"
"""
FRESH = """
[components.zero_shot_fallback]
factory = "zero_shot_fallback"
source = "{factory}"

[initialize]

[initialize.components]

[initialize.components.zero_shot_fallback]
descriptions = {{"zoo": "animals"}}
"""


def save(kind, folder, data, nlp):
    nlp.to_disk(folder / "model")
    docs = DocBin()
    for eg in kind.make_examples(nlp, data):
        docs.add(eg.reference)
    docs.to_disk(folder / "train.spacy")


def write_config(kind, folder, fallback="", training=""):
    pipeline = [kind.factory, *(["zero_shot_fallback"] if fallback else [])]
    values = {"factory": kind.factory, "folder": folder}
    text = FILL.format(
        pipeline=str(pipeline).replace("'", '"'), training=training, **values
    )
    config = Config().from_str(text + fallback.format(**values), interpolate=False)
    path = folder / "config.cfg"
    spacy.blank("xx").config.merge(config).to_disk(path)
    return path


@pytest.fixture(params=["sourced", "fresh"])
def fallback(request, kind):
    if request.param == "fresh" and kind.name == "multilabel":
        pytest.skip("one kind will do")
    return {"sourced": SOURCED, "fresh": FRESH}[request.param]


def test_source_in_a_config_is_enough(kind, fallback, tmp_path):
    nlp = kind.load_pair()
    added = nlp.get_pipe("zero_shot_fallback")
    added.add_label("zoo", description="animals", examples=["feed the lion"])
    added.add_label("bank/shares", description="stocks")
    save(kind, tmp_path, add_new(kind), nlp)
    train(write_config(kind, tmp_path, fallback), tmp_path / "out")
    nlp = spacy.load(tmp_path / "out" / "model-last")
    pipe, second = nlp.get_pipe(kind.factory), nlp.get_pipe("zero_shot_fallback")
    assert set(pipe.labels) == {*kind.labels, *NEW}
    assert pipe.taxonomy.counts[pipe.taxonomy.index["food/cake"]] == 3
    record = second.store.known["zoo"]
    assert record["names"] == ["zoo", "animals"]
    texts = [kept["text"] for kept in record["examples"]]
    if fallback == SOURCED:
        # What was a run-time label is none any more, others stay.
        assert second.added_labels == ("bank/shares",)
        assert texts == ["is a parrot a pet", "feed the lion"]
    assert "is a parrot a pet" in texts
    assert nlp("a chocolate cake")._.longtail.label == "food/cake"


def test_a_config_says_what_share_is_kept(kind, tmp_path):
    save(kind, tmp_path, add_new(kind), kind.load_nlp())
    path = write_config(kind, tmp_path)
    config = Config().from_disk(path, interpolate=False)
    config["initialize"]["components"] = {kind.factory: {"keep": 2.0}}
    config.to_disk(path)
    with pytest.raises(ValueError, match=r"\[L752\]"):
        train(path, tmp_path / "out")
    config["initialize"]["components"] = {kind.factory: {"keep": 0.5}}
    config.to_disk(path)
    train(path, tmp_path / "out")
    pipe = spacy.load(tmp_path / "out" / "model-last").get_pipe(kind.factory)
    assert set(pipe.labels) == {*kind.labels, *NEW}


def test_frozen_component_stays_as_it_is(kind, tmp_path):
    save(kind, tmp_path, kind.data, kind.load_nlp())
    nlp = spacy.load(tmp_path / "model")
    frozen = f'frozen_components = ["{kind.factory}"]'
    path = write_config(kind, tmp_path, training=frozen)
    loaded = spacy.util.load_model_from_config(Config().from_disk(path))
    with loaded.select_pipes(disable=[kind.factory]):
        loaded.initialize()
        loaded.update(kind.make_examples(loaded, NEW_DATA))
    pipes = [pipeline.get_pipe(kind.factory) for pipeline in (loaded, nlp)]
    found, expected = (pipe.to_bytes(exclude=["vocab"]) for pipe in pipes)
    assert found == expected


def test_source_in_code_reads_no_corpus(kind):
    """Its config can name the corpus of another training."""
    nlp = spacy.blank("xx")
    nlp.config["corpora"]["train"]["path"] = "nowhere.spacy"
    nlp.add_pipe(kind.factory, source=kind.load_nlp())
    nlp.update(kind.make_examples(nlp))
    with pytest.raises(ValueError, match=r"\[L341\]"):
        nlp.update(kind.make_examples(nlp, NEW_DATA))


def test_pipeline_of_the_last_release_goes_on(kind):
    nlp = spacy.load(Path(__file__).parents[1] / "data" / "pipelines" / kind.name)
    pipe = nlp.get_pipe(nlp.pipe_names[0])
    examples = kind.make_examples(nlp, add_new(kind))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe.warm_start(lambda: examples, nlp=nlp)
        nlp.get_pipe("zero_shot_fallback").warm_start(lambda: examples, nlp=nlp)
    assert NEW <= set(pipe.labels)
    nlp.update(examples, sgd=nlp.create_optimizer())
    assert nlp("a chocolate cake").cats.keys() >= NEW
