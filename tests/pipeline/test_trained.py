import gc
import json
import pickle
import warnings
from pathlib import Path

import pytest
import spacy
from spacy.training import Example

from spacy_longtail.pipeline.trained import TrainingTexts

OLD = Path(__file__).resolve().parents[1] / "data" / "pipelines"


@pytest.fixture
def nlp(kind):
    return kind.load_nlp()


def get_known(kind, nlp, texts):
    pipe = nlp.get_pipe(kind.factory)
    return pipe.trained.count(map(nlp.make_doc, texts))


def evaluate(nlp, examples):
    """RETURNS (List[str]): The codes of the warnings."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        nlp.evaluate(examples)
    return [str(warning.message)[1:6] for warning in found]


def make_new(kind, n_docs):
    return [(f"{text} {i}", gold) for i in range(n_docs) for text, gold in kind.data][
        :n_docs
    ]


def test_training_texts_are_known_again_once_saved(kind, nlp, tmp_path):
    nlp.to_disk(tmp_path)
    texts = [text.upper() for text, _ in kind.data]
    for pipeline in (
        nlp,
        spacy.load(tmp_path),
        kind.make_nlp().from_bytes(nlp.to_bytes()),
    ):
        assert get_known(kind, pipeline, [*texts, "another one"]) == len(texts)


def test_scores_of_training_texts_are_warned_of_once(kind, nlp):
    n_docs = len(kind.data)
    text = rf"\[LW505\] {n_docs} of the {n_docs} documents that '{kind.factory}' is"
    with pytest.warns(UserWarning, match=text):
        nlp.evaluate(kind.make_examples(nlp))
    assert evaluate(nlp, kind.make_examples(nlp)) == []
    # A text here and there can be in both.
    mixed = [*make_new(kind, 300), *kind.data]
    assert evaluate(nlp, kind.make_examples(nlp, mixed[: 300 + 14])) == []
    assert evaluate(nlp, kind.make_examples(nlp, mixed[100:])) == ["LW505"]
    assert evaluate(nlp, kind.make_examples(nlp, kind.data[:9])) == []


def test_a_sample_of_many_documents_is_enough(kind, nlp, monkeypatch):
    monkeypatch.setattr("spacy_longtail.pipeline.trained.MAX_SAMPLE", 20)
    data = [*make_new(kind, 170), *kind.data * 3]
    with pytest.warns(UserWarning, match=rf"\[LW505\] {3 * len(kind.data)} of the"):
        nlp.evaluate(kind.make_examples(nlp, data))


def test_other_texts_with_gold_labels_are_fine(kind, nlp):
    assert evaluate(nlp, kind.make_examples(nlp, make_new(kind, 30))) == []


def test_documents_without_any_gold_label_are_warned_of_once(kind, nlp):
    data = [(text, None) for text, _ in make_new(kind, 3)]
    with pytest.warns(UserWarning, match=rf"\[LW506\] None of the 3.*{kind.factory}"):
        nlp.evaluate(kind.make_examples(nlp, data))
    assert evaluate(nlp, kind.make_examples(nlp, data)) == []


def test_broad_categories_are_gold_labels(kind, nlp):
    examples = kind.make_examples(nlp, [("first", {"bank": 1.0}), ("second", None)])
    assert evaluate(nlp, examples) == []


def test_only_what_is_learned_from_is_known(kind):
    nlp = kind.make_nlp()
    kind.train(nlp, [*kind.data, ("without a label", None)], n_updates=1)
    assert get_known(kind, nlp, ["without a label", kind.data[0][0]]) == 1


def test_what_a_loaded_pipeline_learns_is_known_too(kind, nlp):
    examples = kind.make_examples(nlp, [("never seen", kind.data[0][1]), ("no", None)])
    nlp.update(examples, sgd=nlp.resume_training())
    assert get_known(kind, nlp, ["never seen", "no", kind.data[0][0]]) == 2


def test_a_new_start_forgets(kind, nlp):
    examples = kind.make_examples(nlp, make_new(kind, 30))
    nlp.initialize(lambda: examples)
    assert get_known(kind, nlp, [text for text, _ in kind.data]) == 0


def test_a_streamed_corpus_is_known_by_what_was_learned(kind, nlp):
    labels = nlp.get_pipe(kind.factory).label_data
    streamed = kind.make_nlp()
    block = {kind.factory: {"labels": labels}}
    streamed.config["initialize"]["components"] = block
    streamed.config["training"]["max_epochs"] = -1
    examples = kind.make_examples(streamed)
    optimizer = streamed.initialize(lambda: examples[:8])
    assert get_known(kind, streamed, ["any"]) is None
    streamed.update(examples[8:], sgd=optimizer)
    texts = [text for text, _ in kind.data]
    assert get_known(kind, streamed, texts) == len(texts) - 8


def test_texts_can_be_forgotten_before_the_pipeline_is_saved(kind, nlp, tmp_path):
    nlp.get_pipe(kind.factory).trained.forget()
    nlp.to_disk(tmp_path)
    assert "trained_on" not in (tmp_path / kind.factory / "cfg").read_text("utf8")
    assert get_known(kind, spacy.load(tmp_path), [kind.data[0][0]]) is None


def test_an_older_pipeline_knows_none(kind):
    nlp = spacy.load(OLD / kind.name)
    assert get_known(kind, nlp, ["any"]) is None


def test_a_damaged_fingerprint(kind, nlp, tmp_path):
    nlp.to_disk(tmp_path)
    path = tmp_path / kind.factory / "cfg"
    cfg = json.loads(path.read_text(encoding="utf8"))
    cfg["trained_on"]["n"] += 1
    path.write_text(json.dumps(cfg), encoding="utf8")
    with pytest.raises(ValueError, match=rf"\[L652\].*{kind.factory}"):
        spacy.load(tmp_path)


def test_it_goes_to_other_processes_without_documents():
    nlp, texts = spacy.blank("xx"), TrainingTexts()
    doc = nlp.make_doc("a text")
    texts.add([Example(doc, doc)])
    copy = pickle.loads(pickle.dumps(texts))
    assert copy.count([doc, nlp.make_doc("A text")]) == 2


def test_documents_of_training_are_not_kept():
    nlp, texts = spacy.blank("xx"), TrainingTexts()
    texts.add(Example(nlp.make_doc(f"text {i}"), nlp.make_doc("")) for i in range(9))
    gc.collect()
    assert texts.fingerprint.n_texts == 9
    assert len(texts._seen) == 0
