import json
import multiprocessing
import pickle

import pytest
import spacy

from spacy_longtail.outputs import half

TEXTS = ["I lost my card", "by the sea", "", "unknownword", "lend me the plane"]
SIBLING = {"@layers": "spacy-longtail.SiblingSoftmax.v1"}
SINGLE = {"@layers": "spacy-longtail.PrototypeSoftmax.v1", "other": "single"}
MODELS = {
    "default": {},
    "frozen": {"encoder": {"trainable": False}},
    "sibling": {"output": SIBLING},
    "single": {"output": SINGLE},
}
CASES = [("exclusive", name) for name in MODELS]
CASES += [("multilabel", name) for name in ("default", "frozen", "single")]
# As with so many labels that their rows have 16 bits.
CASES += [("exclusive", "sibling, 16 bits")]
CASES += [(name, "default, 16 bits") for name in ("exclusive", "multilabel")]


def get_answers(nlp, **settings):
    """Everything that a pipeline says, without any tolerance."""
    docs = list(nlp.pipe(TEXTS, **settings))
    return [(dict(doc.cats), doc._.longtail) for doc in docs]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request):
    """A kind of labels, and a trained pipeline that no test changes."""
    name, model = request.param
    kind = request.getfixturevalue(name)
    model, _, is_half = model.partition(", ")
    nlp = kind.make_nlp(model=MODELS[model])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(half, "MANY", 1 if is_half else half.MANY)
        kind.train(nlp, n_updates=5)
    return kind, nlp


@pytest.fixture
def kind(case):
    return case[0]


@pytest.fixture
def nlp(case):
    return case[1]


@pytest.fixture
def pipe(nlp, kind):
    return nlp.get_pipe(kind.factory)


def test_to_disk_and_back_predicts_exactly_the_same(nlp, tmp_path):
    answers = get_answers(nlp)
    nlp.to_disk(tmp_path)
    assert get_answers(spacy.load(tmp_path)) == answers


def test_to_bytes_and_back_predicts_exactly_the_same(nlp):
    answers = get_answers(nlp)
    loaded = spacy.blank("xx", config=nlp.config).from_bytes(nlp.to_bytes())
    assert get_answers(loaded) == answers


def test_saved_pipeline_is_free_of_pickle_and_has_json_settings(nlp, kind, tmp_path):
    nlp.to_disk(tmp_path)
    folder = tmp_path / kind.factory
    assert {path.name for path in folder.iterdir()} == {"cfg", "model"}
    cfg = json.loads((folder / "cfg").read_text(encoding="utf8"))
    assert cfg["min_count"] == 3
    assert len(cfg["taxonomy"]["leaves"]) == len(kind.labels) == 7


def test_saving_again_gives_the_same_bytes(nlp, pipe):
    loaded = spacy.blank("xx", config=nlp.config).from_bytes(nlp.to_bytes())
    assert loaded.get_pipe(pipe.name).to_bytes() == pipe.to_bytes()


@pytest.mark.parametrize("name", ["exclusive", "multilabel"])
def test_settings_changed_after_training_are_saved(request, name, tmp_path):
    nlp = request.getfixturevalue(name).load_nlp()
    pipe = nlp.get_pipe(nlp.pipe_names[0])
    pipe.prior, pipe.temperature, pipe.cats_top_k = 0.5, 2.0, 3
    pipe.thresholds = {"bank/card": 0.2}
    answers = get_answers(nlp)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert get_answers(loaded) == answers
    pipe = loaded.get_pipe(pipe.name)
    assert (pipe.prior, pipe.temperature, pipe.cats_top_k) == (0.5, 2.0, 3)
    assert pipe.thresholds == {"bank/card": 0.2}


def test_loaded_pipe_has_labels_and_label_data(nlp, pipe, tmp_path):
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path).get_pipe(pipe.name)
    assert loaded.labels == pipe.labels
    assert loaded.label_data == pipe.label_data
    assert loaded.taxonomy == pipe.taxonomy


def test_training_can_be_resumed(nlp, kind, tmp_path):
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded("zork")._.longtail.label != "travel/visa"
    data = [("zork", ["travel/visa"]), ("it", ["bank/card"])]
    examples = kind.make_examples(loaded, data)
    optimizer, losses = loaded.resume_training(), []
    optimizer.learn_rate = 0.01
    for _ in range(30):
        losses.append(loaded.update(examples, sgd=optimizer)[kind.factory])
    assert losses[-1] < losses[0]
    assert loaded("it")._.longtail.label == "bank/card"


def test_component_can_be_sourced(nlp, kind):
    answers = get_answers(nlp)
    other = spacy.blank("xx")
    other.add_pipe(kind.factory, source=nlp)
    assert get_answers(other) == answers


def test_component_loads_into_a_pipe_with_other_labels(nlp, kind):
    data = [("a card", ["card"]), ("a hat", ["hat"])] * 3
    other = spacy.blank("xx", config=nlp.config)
    kind.train(other, data, n_updates=1)
    fresh = spacy.blank("xx", config=nlp.config)
    pipe = fresh.get_pipe(kind.factory)
    pipe.from_bytes(other.get_pipe(kind.factory).to_bytes())
    assert set(fresh("hat").cats) == {"card", "hat"}


def test_pipeline_can_be_pickled(nlp, pipe):
    """Where processes are spawned, n_process = 2 pickles the pipes."""
    assert get_answers(pickle.loads(pickle.dumps(nlp))) == get_answers(nlp)
    doc = pickle.loads(pickle.dumps(pipe))(nlp.make_doc("I lost my card"))
    assert doc.cats == nlp("I lost my card").cats


@pytest.fixture(params=["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def method(request):
    """How processes are started."""
    if request.param not in multiprocessing.get_all_start_methods():
        pytest.skip(f"processes can't be started by {request.param} here")
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(request.param, force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.usefixtures("method")
def test_two_processes_give_what_one_gives(nlp):
    found = get_answers(nlp, n_process=2, batch_size=2)
    for (cats, decision), (expected, same) in zip(found, get_answers(nlp), strict=True):
        assert cats == pytest.approx(expected, abs=1e-6)
        assert (decision.label, decision.labels) == (same.label, same.labels)
        assert decision.path == same.path
        levels = dict(same.levels)
        assert dict(decision.levels) == pytest.approx(levels, abs=1e-6)


def test_excluded_model_is_not_written(pipe, tmp_path):
    pipe.to_disk(tmp_path, exclude=["model", "vocab"])
    assert {path.name for path in tmp_path.iterdir()} == {"cfg"}
