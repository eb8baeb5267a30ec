import json
import multiprocessing
import pickle

import pytest
import spacy

TEXTS = ["I lost my card", "by the sea", "", "unknownword", "lend me the plane"]


def get_answers(nlp):
    """Everything that a pipeline says, without any tolerance."""
    docs = list(nlp.pipe(TEXTS))
    return [(dict(doc.cats), doc._.longtail) for doc in docs]


@pytest.fixture(scope="module", params=["default", "sibling", "frozen", "single"])
def nlp(request, make_nlp, train):
    sibling = {"@layers": "spacy-longtail.SiblingSoftmax.v1"}
    single = {"@layers": "spacy-longtail.PrototypeSoftmax.v1", "other": "single"}
    models = {
        "default": {},
        "sibling": {"output": sibling},
        "frozen": {"encoder": {"trainable": False}},
        "single": {"output": single},
    }
    nlp = make_nlp(model=models[request.param])
    train(nlp, n_updates=5)
    return nlp


def test_to_disk_and_back_predicts_exactly_the_same(nlp, tmp_path):
    answers = get_answers(nlp)
    nlp.to_disk(tmp_path)
    assert get_answers(spacy.load(tmp_path)) == answers


def test_to_bytes_and_back_predicts_exactly_the_same(nlp):
    answers = get_answers(nlp)
    loaded = spacy.blank("en", config=nlp.config).from_bytes(nlp.to_bytes())
    assert get_answers(loaded) == answers


def test_saved_pipeline_is_free_of_pickle_and_has_json_settings(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    folder = tmp_path / "longtail_textcat"
    assert {path.name for path in folder.iterdir()} == {"cfg", "model"}
    cfg = json.loads((folder / "cfg").read_text(encoding="utf8"))
    assert cfg["min_count"] == 3
    assert len(cfg["taxonomy"]["leaves"]) == 7


def test_saving_again_gives_the_same_bytes(nlp):
    loaded = spacy.blank("en", config=nlp.config).from_bytes(nlp.to_bytes())
    pipes = [pipeline.get_pipe("longtail_textcat") for pipeline in (nlp, loaded)]
    assert pipes[0].to_bytes() == pipes[1].to_bytes()


def test_settings_changed_after_training_are_saved(make_nlp, train, tmp_path):
    nlp = make_nlp()
    train(nlp, n_updates=1)
    pipe = nlp.get_pipe("longtail_textcat")
    pipe.prior, pipe.temperature, pipe.cats_top_k = 0.5, 2.0, 3
    answers = get_answers(nlp)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert get_answers(loaded) == answers
    pipe = loaded.get_pipe("longtail_textcat")
    assert (pipe.prior, pipe.temperature, pipe.cats_top_k) == (0.5, 2.0, 3)


def test_loaded_pipe_has_labels_and_label_data(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    pipe = spacy.load(tmp_path).get_pipe("longtail_textcat")
    trained = nlp.get_pipe("longtail_textcat")
    assert pipe.labels == trained.labels
    assert pipe.label_data == trained.label_data
    assert pipe.taxonomy == trained.taxonomy


def test_training_can_be_resumed(nlp, make_examples, tmp_path):
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded("zork")._.longtail.label != "travel/visa"
    examples = make_examples(loaded, [("zork", "travel/visa"), ("it", "bank/card")])
    optimizer, losses = loaded.resume_training(), []
    optimizer.learn_rate = 0.01
    for _ in range(30):
        losses.append(loaded.update(examples, sgd=optimizer)["longtail_textcat"])
    assert losses[-1] < losses[0]
    assert loaded("it")._.longtail.label == "bank/card"


def test_component_can_be_sourced(nlp):
    answers = get_answers(nlp)
    other = spacy.blank("en")
    other.add_pipe("longtail_textcat", source=nlp)
    assert get_answers(other) == answers


def test_component_loads_into_a_pipe_with_other_labels(nlp, make_nlp, train):
    data = [("a card", "card"), ("a hat", "hat")] * 3
    other = spacy.blank("en", config=nlp.config)
    train(other, data, n_updates=1)
    fresh = spacy.blank("en", config=nlp.config)
    pipe = fresh.get_pipe("longtail_textcat")
    pipe.from_bytes(other.get_pipe("longtail_textcat").to_bytes())
    assert set(fresh("hat").cats) == {"card", "hat"}


def test_component_can_be_pickled(trained):
    """Where processes are spawned, n_process = 2 pickles the pipes."""
    pipe = pickle.loads(pickle.dumps(trained.get_pipe("longtail_textcat")))
    doc = pipe(trained.make_doc("I lost my card"))
    assert doc.cats == trained("I lost my card").cats


def test_spawned_processes_give_what_one_gives(trained, tmp_path):
    if "spawn" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system can't spawn processes")
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    try:
        docs = list(trained.pipe(TEXTS, n_process=2, batch_size=2))
    finally:
        multiprocessing.set_start_method(before, force=True)
    for text, doc in zip(TEXTS, docs):
        assert doc.cats == pytest.approx(trained(text).cats, abs=1e-6)
        assert doc._.longtail.label == trained(text)._.longtail.label


def test_excluded_model_is_not_written(nlp, tmp_path):
    pipe = nlp.get_pipe("longtail_textcat")
    pipe.to_disk(tmp_path, exclude=["model", "vocab"])
    assert {path.name for path in tmp_path.iterdir()} == {"cfg"}
