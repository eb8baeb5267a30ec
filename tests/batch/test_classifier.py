import pyarrow as pa
import pytest
import spacy
from spacy.language import Language

from spacy_longtail.batch import (
    BatchClassifier,
    BatchOptions,
    classify,
    load_classifier,
    read_version,
)
from spacy_longtail.batch import classifier as module
from spacy_longtail.errors import JobErrors

from .conftest import GOOD, TEXTS


@Language.component("batch_boom")
def fail(doc):
    if "boom" in doc.text:
        raise RuntimeError("boom\nhas been said")
    return doc


@Language.component("batch_forget")
def forget(doc):
    if doc.text == "forget me":
        doc._.longtail = None
    return doc


def fail_to_rank(*_):
    raise ZeroDivisionError


def describe(doc, top, is_several):
    """The row that is expected of a document."""
    found = doc._.longtail
    row = {"label": found.label}
    if is_several:
        row["labels"] = list(found.labels)
    path = [*found.path, None, None]
    row.update(level_1=path[0], level_2=path[1], probability=found.probability)
    row.update(known=found.known, stage=found.stage, reason=found.reason)
    for rank, (label, probability) in enumerate(found.candidates[:top], start=1):
        row[f"candidate_{rank}"] = label
        row[f"candidate_{rank}_probability"] = probability
    return row


def test_answers_are_those_of_the_pipeline(pipeline):
    nlp = spacy.load(pipeline)
    found = load_classifier(pipeline, BatchOptions()).classify(GOOD).to_pylist()
    version = read_version(nlp)
    several = "multilabel" in pipeline.name
    for text, row in zip(GOOD, found, strict=True):
        expected = describe(nlp(text), 3, several)
        assert row == {**expected, "model_version": version, "error": None}
    assert len({row["label"] for row in found}) > 2
    assert {row["stage"] for row in found} > {"zero_shot_fallback"}


@pytest.mark.parametrize("phase", ["both", "first"])
def test_answers_depend_on_no_other_row(nlp, phase):
    classifier = BatchClassifier(nlp, BatchOptions(phase=phase))
    together = classifier.classify(TEXTS)
    alone = [classifier.classify([text]) for text in TEXTS]
    assert pa.Table.from_batches(alone).equals(pa.Table.from_batches([together]))
    assert classifier.classify([]).schema == together.schema


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("abstain_threshold", [0.0, 0.9])
def test_two_phases_give_what_one_gives(pipeline, added, abstain_threshold):
    nlp = spacy.load(pipeline)
    fallback = nlp.get_pipe("zero_shot_fallback")
    fallback.settings.abstain_threshold = abstain_threshold
    if not added:
        fallback.remove_label("bank/gold")
    table = pa.RecordBatch.from_pydict({"id": range(len(TEXTS)), "text": TEXTS})
    both = list(classify([table], nlp))
    first = list(classify([table.slice(0, 4), table.slice(4)], nlp, phase="first"))
    fallback.usage.clear()
    second = list(classify(first, nlp, phase="second"))
    routed = [is_routed for batch in first for is_routed in batch["routed"].to_pylist()]
    assert pa.Table.from_batches(second).equals(pa.Table.from_batches(both))
    # All are compared with a label that was added, and there is no gate.
    assert fallback.usage["routed"] >= sum(routed)
    assert routed == [bool(text) for text in TEXTS] if added else 0 < sum(routed) < 7
    stages = [batch["stage"].to_pylist() for batch in first]
    pairs = zip(sum(stages, []), routed, strict=True)
    is_left = ("abstained", False) in pairs
    assert is_left or added or not abstain_threshold


def test_the_first_phase_asks_no_ranker(nlp, monkeypatch):
    ranker = nlp.get_pipe("zero_shot_fallback").ranker
    for method in ("load", "rank"):
        monkeypatch.setattr(type(ranker), method, fail_to_rank)
    found = BatchClassifier(nlp, BatchOptions(phase="first")).classify(GOOD)
    assert found["routed"].to_pylist().count(True) > 1
    with pytest.raises(ZeroDivisionError):
        BatchClassifier(nlp, BatchOptions())


def test_without_a_fallback_nothing_is_routed(nlp):
    nlp.remove_pipe("zero_shot_fallback")
    both, first = (
        BatchClassifier(nlp, BatchOptions(phase=phase)).classify(TEXTS)
        for phase in ("both", "first")
    )
    assert not any(first["routed"].to_pylist())
    assert first.drop_columns("routed").equals(both)


@pytest.mark.parametrize("phase", ["both", "first"])
@pytest.mark.parametrize("max_strings", [module.MAX_STRINGS, 0])
def test_a_row_that_fails_takes_no_other_down(nlp, phase, max_strings, monkeypatch):
    monkeypatch.setattr(module, "MAX_STRINGS", max_strings)
    nlp.add_pipe("batch_boom", first=True)
    nlp.max_length = 100
    bad = [None, " \n", "x" * 101, "boom", "boom"]
    mixed = [bad[0], GOOD[0], bad[1], GOOD[1], bad[2], bad[3], *GOOD[2:], bad[4]]
    classifier = BatchClassifier(nlp, BatchOptions(phase=phase))
    found = classifier.classify(mixed)
    is_good = [text in GOOD for text in mixed]
    assert found.filter(pa.array(is_good)).equals(classifier.classify(GOOD))
    errors = [error for error in found["error"].to_pylist() if error]
    boom = "RuntimeError: boom has been said"
    assert [error[:6] for error in errors[:3]] == ["[L706]", "[L706]", "[L707]"]
    assert errors[3:] == [boom, boom]
    failed = found.filter(pa.array([not good for good in is_good])).to_pylist()
    for row in failed:
        values = {key: row.pop(key) for key in ("model_version", "error")}
        assert None not in values.values()
        assert set(row.values()) <= {None, False}
    assert classifier.classify(bad)["error"].to_pylist() == errors


def test_without_a_decision_a_row_has_failed(nlp):
    nlp.add_pipe("batch_forget", last=True)
    found = BatchClassifier(nlp, BatchOptions()).classify(["forget me", GOOD[0]])
    assert found["error"].to_pylist() == [JobErrors.L708, None]


def test_what_is_wrong_with_the_pipeline_is_said_at_once(nlp):
    nlp.get_pipe("zero_shot_fallback").source = "nobody"
    with pytest.raises(ValueError, match=r"\[L330\]"):
        BatchClassifier(nlp, BatchOptions())
    with pytest.raises(ValueError, match=r"\[L514\]"):
        BatchClassifier(spacy.blank("en"), BatchOptions())
    with pytest.raises(ValueError, match=r"\[L518\].*nobody"):
        BatchClassifier(nlp, BatchOptions(pipe="nobody"))


def test_words_are_forgotten_when_there_are_many(nlp, monkeypatch):
    classifier = BatchClassifier(nlp, BatchOptions())
    usual = classifier.classify(TEXTS)
    monkeypatch.setattr(module, "MAX_STRINGS", 0)
    n_strings = len(nlp.vocab.strings)
    assert classifier.classify(TEXTS).equals(usual)
    classifier.classify([f"word{i}" for i in range(100)])
    assert len(nlp.vocab.strings) == n_strings
    monkeypatch.undo()
    classifier.classify([f"word{i}" for i in range(100)])
    assert len(nlp.vocab.strings) > n_strings


@pytest.mark.parametrize("top", [0, 2, 7, 20])
def test_candidates_are_as_many_as_wanted(pipeline, top):
    nlp = spacy.load(pipeline)
    loaded = load_classifier(pipeline, BatchOptions(top=top)).classify(GOOD)
    found = BatchClassifier(nlp, BatchOptions(top=top)).classify(GOOD)
    assert loaded.equals(found)
    for doc, row in zip(nlp.pipe(GOOD), found.to_pylist(), strict=True):
        ranked = sorted(doc.cats.items(), key=lambda pair: -pair[1])
        ranked += [(None, None)] * top
        for rank, pair in enumerate(ranked[:top], start=1):
            name = f"candidate_{rank}"
            assert (row[name], row[f"{name}_probability"]) == pair
        assert f"candidate_{top + 1}" not in row


def test_a_pipeline_that_is_given_stays_as_it_is(pipeline, nlp):
    name = nlp.pipe_names[0]
    load_classifier(nlp, BatchOptions()).classify(GOOD)
    assert nlp.get_pipe(name).cats_top_k is None
    assert load_classifier(pipeline, BatchOptions()).pipe.cats_top_k == 5
    assert load_classifier(pipeline, BatchOptions(top=9)).pipe.cats_top_k == 9


def test_versions_tell_pipelines_apart(pipeline):
    nlp, same = spacy.load(pipeline), spacy.load(pipeline)
    version = read_version(nlp)
    assert version.startswith(f"{nlp.lang}_{nlp.meta['name']}-{nlp.meta['version']}+")
    assert read_version(same) == version
    same.get_pipe("zero_shot_fallback").remove_label("bank/gold")
    assert read_version(same) != version
    nlp.get_pipe(nlp.pipe_names[0]).thresholds = {}
    assert read_version(nlp) not in (version, read_version(same))
    options = BatchOptions()
    found = BatchClassifier(nlp, options, "mine").classify(["a card", None])
    assert found["model_version"].to_pylist() == ["mine", "mine"]


def test_a_table_without_rows_has_our_columns(nlp):
    """As parts of a table are, of which everything was filtered out."""
    kinds = {"text": pa.string(), "x": pa.dictionary(pa.int32(), pa.large_string())}
    none = pa.schema(kinds).empty_table()
    found = pa.Table.from_batches(classify(none, nlp))
    assert found.num_rows == 0 and found.schema.names[:3] == ["text", "x", "label"]


def test_bytes_that_are_no_text_take_no_other_row_down(nlp):
    texts = pa.array([b"\xff my card", b"gold"]).view(pa.string())
    (batch,) = classify(pa.table({"text": texts}), nlp)
    (alone,) = classify(pa.table({"text": ["gold"]}), nlp)
    assert batch["label"][0].is_valid
    assert batch.column("label")[1] == alone.column("label")[0]
