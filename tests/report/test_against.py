import json
from itertools import combinations

import numpy
import pytest
import spacy

from spacy_longtail.batch import predict
from spacy_longtail.evaluation.evidence import Evidence
from spacy_longtail.report import build_report, render_html
from spacy_longtail.report.against import compare_with
from spacy_longtail.report.html import MOST_SHOWN
from spacy_longtail.report.other import OtherSystem, read_other
from spacy_longtail.scoring.predictions import pair_columns, pair_scores
from spacy_longtail.taxonomy import build_taxonomy

OPTIONS = {"head": 10, "mid": 4, "resamples": 200}


class Text:
    def __init__(self, text):
        self.text = text


def compare(gold, given, before, labels="abcd", counts=(60, 20, 5, 5), **other):
    """Lists of labels, one of each document."""
    tree = build_taxonomy(dict(zip(labels, counts)))
    columns = [[tree.index[label] for label in names] for names in (gold, given)]
    predictions = pair_columns(
        *map(numpy.asarray, columns),
        numpy.ones(len(gold)),
        tree.leaves,
        counts=numpy.asarray(tree.counts),
        taxonomy=tree,
    )
    docs = [Text(f"text {i}") for i in range(len(gold))]
    evidence = Evidence(None, tree, docs, [], predictions, None, None, len(docs))
    before = OtherSystem("V1", [[label] if label else [] for label in before], **other)
    return compare_with(evidence, before, resamples=200)


@pytest.fixture
def worse_nlp(kind_nlp):
    """The same pipeline with the labels of its output layer mixed up."""
    pipe = kind_nlp.get_pipe(kind_nlp.pipe_names[-1])
    tree = pipe.taxonomy
    order = numpy.roll(numpy.arange(len(tree.leaves)), 3)
    real = pipe.get_raw_scores

    def mix(docs):
        raw = real(docs)
        return raw._replace(logits=raw.logits[:, order])

    pipe.get_raw_scores = mix
    return kind_nlp


@pytest.fixture
def predicted(kind_dir, kind_dev, tmp_path):
    """Write the texts of dev with what the pipeline says of them."""

    def write(suffix, **options):
        source = tmp_path / "texts.jsonl"
        lines = [json.dumps({"text": eg.reference.text}) for eg in kind_dev]
        source.write_text("\n".join(lines) + "\n", encoding="utf8")
        predict(kind_dir / "model", [source], tmp_path / f"out{suffix}", **options)
        return tmp_path / f"out{suffix}"

    return write


def test_worse_pipeline_is_called_worse_and_the_better_one_better(
    kind_dir, worse_nlp, kind_dev
):
    good = spacy.load(kind_dir / "model")
    found = build_report(worse_nlp, kind_dev, against=good, **OPTIONS)
    assert found["against"]["verdict"] == "worse"
    (first, *_) = found.tables()[0].lines
    assert first.level == "warn" and first.text.startswith("Worse than model: macro-F1")
    assert found["against"]["n_worse"] > found["against"]["n_better"]
    turned = build_report(good, kind_dev, against=worse_nlp, **OPTIONS)
    assert turned["against"]["verdict"] == "better"
    (first, *_) = turned.tables()[0].lines
    assert first.level == "good" and first.text.startswith("Better than model")
    change = turned["against"]["metrics"]["macro_f"]["change"]
    assert change[1] > 0
    assert f"macro-F1 {change[0]:+.3f} (95 %: {change[1]:+.3f} to" in first.text


def test_figures_of_both_are_those_of_their_reports(kind_nlp, kind_dev, worse_nlp):
    alone = build_report(worse_nlp, kind_dev, **OPTIONS)["headline"]
    found = build_report(worse_nlp, kind_dev, against=worse_nlp, **OPTIONS)["against"]
    for key, row in found["metrics"].items():
        if key in alone:
            assert row["before"] == row["after"]
            assert row["after"][0] == pytest.approx(alone[key]["value"])
    assert found["verdict"] == "same"
    assert found["changes"] == found["labels"] == found["only_now"] == []


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param(".csv", marks=pytest.mark.slow),
        pytest.param(".jsonl", marks=pytest.mark.slow),
        ".parquet",
        pytest.param("", marks=pytest.mark.slow),
    ],
)
def test_table_of_predictions_is_the_pipeline_that_wrote_it(
    suffix, predicted, kind_nlp, kind_dev
):
    path = predicted(suffix)
    found = build_report(kind_nlp, kind_dev, against=path, **OPTIONS)["against"]
    assert found["n_changed"] == 0
    assert found["name"].startswith("xx_pipeline-0.0.0+")
    for row in found["metrics"].values():
        assert row["change"] == [0.0, 0.0, 0.0]


def test_columns_with_a_prefix_are_ours_and_not_the_gold_ones(tmp_path):
    path = tmp_path / "both.csv"
    path.write_text("text,label,predicted_label\na b,x,y\nc,x,\n", encoding="utf8")
    found = read_other(path, ["c", "A  b"], False, ["text"])
    assert found.given == [[], ["y"]]
    assert found.name == "both.csv"


def test_equal_texts_are_taken_in_the_order_of_the_table(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nsame,x\nsame,y\n", encoding="utf8")
    texts = ["same", "same", "same"]
    assert read_other(path, texts, False, ["text"]).given == [["x"], ["y"], ["y"]]


def test_folder_without_predictions(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ValueError, match=r"\[L762\].*predict"):
        read_other(tmp_path, [], False, ["text"])


def test_table_without_labels(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,topic\na,b\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"\[L763\].*'topic'"):
        read_other(path, ["a"], False, ["text"])


def test_texts_without_a_prediction(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\na,b\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"\[L764\].* 1 of the 2 texts.*'other'"):
        read_other(path, ["a", "other"], False, ["text"])


def test_labels_are_ranked_by_how_many_mistakes_they_lost_or_got():
    gold = list("a" * 10 + "b" * 10 + "c" * 2)
    before = list("b" * 8 + "aa" + "b" * 10 + "cc")
    given = list("a" * 10 + "b" * 10 + "aa")
    found = compare(gold, given, before)
    rows = {row["label"]: row for row in found["labels"]}
    assert list(rows) == ["b", "a", "c"]
    assert (rows["a"]["fixed"], rows["a"]["broken"]) == (8, 2)
    assert (rows["b"]["fixed"], rows["b"]["broken"]) == (8, 0)
    assert rows["c"]["f_before"] == 1.0 and rows["c"]["f_after"] == 0.0
    assert rows["b"]["change"]["low"] > 0 and rows["c"]["change"]["high"] == 1.0
    # What a has got with two false ones could be chance.
    assert (found["n_better"], found["n_worse"]) == (1, 0)


def test_decisions_that_changed_are_counted_by_where_from_and_where_to():
    gold = list("aaabb")
    found = compare(gold, list("aacbb"), ["b", "b", "b", None, "b"])
    assert found["n_changed"] == 4
    keys = ("before", "now", "n", "n_right_before", "n_right_now")
    assert [tuple(row[key] for key in keys) for row in found["changes"]] == [
        ("b", "a", 2, 0, 2),
        (None, "b", 1, 0, 1),
        ("b", "c", 1, 0, 0),
    ]
    assert found["changes"][0]["example"] == "text 0"


def test_changes_of_several_labels_pair_what_went_with_what_came():
    truths = numpy.asarray([[1, 0, 1], [0, 1, numpy.nan]])
    P = numpy.asarray([[0.9, 0, 0.9], [0.9, 0.9, 0]])
    tree = build_taxonomy({"a": 5, "b": 5, "c": 5})
    counts = numpy.asarray(tree.counts)
    predictions = pair_scores(truths, P, P > 0.5, "abc", taxonomy=tree, counts=counts)
    evidence = Evidence(
        None, tree, [Text("one"), Text("two")], [], predictions, None, None, 2
    )
    # Whether the second has c isn't known.
    found = compare_with(evidence, OtherSystem("V1", [["b", "c"], ["c"]]), resamples=5)
    rows = {(row["before"], row["now"]): row for row in found["changes"]}
    assert set(rows) == {("b", "a"), (None, "a"), (None, "b")}
    assert rows["b", "a"]["n_right_now"] == 1
    assert found["metrics"]["coverage"]["before"][0] == 0.5


def test_labels_that_only_one_of_both_knows():
    gold, given = list("aabb"), list("aabb")
    found = compare(gold, given, ["a", "z", None, "b"], known={"a", "b", "y"})
    assert [row["label"] for row in found["only_now"]] == ["c", "d"]
    rows = [(row["label"], row["n_given"]) for row in found["only_before"]]
    assert rows == [("z", 1), ("y", 0)]


def test_head_mid_and_tail_are_those_of_the_new_pipeline():
    gold = list("aabbccdd")
    found = compare(gold, gold, ["a"] * 8, counts=(60, 20, 5, 5))
    changes = {key: row["change"][0] for key, row in found["metrics"].items()}
    assert changes["mid_f"] == changes["tail_f"] == 1.0
    assert changes["head_f"] == pytest.approx(0.6)


def test_better_here_and_worse_there_is_mixed():
    """Rare labels are found now, at the cost of frequent ones."""
    rare = list("bcd" * 12)
    gold = ["a"] * 200 + rare
    found = compare(gold, ["b"] * 100 + ["a"] * 100 + rare, ["a"] * len(gold))
    assert found["metrics"]["accuracy"]["change"][2] < 0
    assert found["metrics"]["macro_f"]["change"][1] > 0
    assert found["verdict"] == "mixed"


def test_change_that_could_be_chance_is_no_verdict():
    gold = list("aabbccdd" * 4)
    before = list(gold)
    before[0] = "b"
    assert compare(gold, gold, before)["verdict"] == "same"


def test_other_pipeline_that_was_trained_on_the_texts_is_named(kind_nlp, kind_seen):
    found = build_report(kind_nlp, kind_seen, against=kind_nlp, resamples=5)
    assert found["against"]["n_trained"] == len(kind_seen)
    texts = [remark.text for remark in found.remarks() if remark.level == "warn"]
    assert len(texts) == 2 and texts[1].startswith("model: The pipeline was trained")


def test_pipeline_of_spacys_own_component(kind, kind_nlp, kind_dev):
    several = kind == "multilabel"
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("textcat_multilabel" if several else "textcat")
    for label in kind_nlp.get_pipe(kind_nlp.pipe_names[-1]).labels:
        pipe.add_label(label)
    nlp.initialize()
    found = build_report(kind_nlp, kind_dev, against=nlp, **OPTIONS)["against"]
    assert found["verdict"] == "better"
    assert found["only_now"] == found["only_before"] == []


def test_fewer_labels_given_are_said(kind_nlp, kind_dev, tmp_path):
    """Where accuracy alone would call an abstention a loss."""
    rows = [{"text": eg.reference.text, "label": None, "labels": []} for eg in kind_dev]
    path = tmp_path / "nothing.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf8")
    found = build_report(kind_nlp, kind_dev, against=path, **OPTIONS)
    assert found["against"]["metrics"]["coverage"]["before"][0] == 0.0
    (first, *_) = found.tables()[0].lines
    assert "coverage +" in first.text


@pytest.mark.slow
def test_page_shows_so_many_changes_and_no_more(kind_nlp, kind_dev, tmp_path):
    rows = ["text,label"]
    rows += [f"{eg.reference.text},label {i}" for i, eg in enumerate(kind_dev)]
    path = tmp_path / "all.csv"
    path.write_text("\n".join(rows), encoding="utf8")
    report = build_report(kind_nlp, kind_dev, against=path, **OPTIONS)
    assert report["against"]["n_changes"] > MOST_SHOWN
    page = render_html(report)
    section = page[page.index('<section id="against">') :].split("</section>")[0]
    assert section.count('<td class="text">') == MOST_SHOWN
    n = len(report["against"]["only_before"])
    assert f"{n} labels only before: label 0, label 1," in section


def test_two_systems_to_compare_with(kind_nlp, kind_dev):
    with pytest.raises(ValueError, match=r"\[L760\]"):
        build_report(kind_nlp, kind_dev, against=kind_nlp, baseline=kind_dev)


def test_pairs_of_kinds_can_be_compared(tickets_nlp, mixed_nlp, tickets_dev):
    for nlp, other in combinations((tickets_nlp, mixed_nlp), 2):
        found = build_report(nlp, tickets_dev, against=other, resamples=5)
        assert found["against"]["metrics"]["accuracy"]["before"][0] > 0.2
