import json

import pytest

from spacy_longtail.presentation import Remark
from spacy_longtail.report import build_report, render_html


def get_rows(report):
    return {row["label"]: row for row in report["labels"]}


def get_name(nlp):
    return nlp.pipe_names[-1]


def test_report_is_json(report, kind_nlp):
    assert json.loads(json.dumps(report)) == report
    factory = kind_nlp.get_pipe_meta(get_name(kind_nlp)).factory
    assert report["about"]["kind"] == factory


def test_texts_that_were_trained_on_are_said(kind_nlp, kind_seen):
    report = build_report(kind_nlp, kind_seen, resamples=2)
    assert report["about"]["n_trained"] == 10
    (remark,) = report.remarks()
    assert remark.level == "warn"
    assert "was trained on 10 of these 10 texts, so that" in remark.text
    assert remark.text in render_html(report)


def test_it_is_said_if_nothing_is_known_of_the_training(report):
    report["about"]["n_trained"] = None
    assert "isn't known" in report.remarks()[0].text
    report["about"]["n_trained"] = 0
    assert report.remarks() == []


def test_a_few_texts_that_were_trained_on_are_said_without_a_warning(report):
    report["about"].update(n_trained=2, n_gold=100)
    text = "The pipeline was trained on 2 of these 100 texts."
    assert report.remarks() == [Remark("text", text)]


def test_headline_is_what_the_scorer_finds(report, kind_nlp, kind_dev):
    kind_nlp.get_pipe(get_name(kind_nlp)).scorer.keywords.update(head=10, mid=4)
    scores = kind_nlp.evaluate(kind_dev)
    assert {"macro_f", "head_f", "tail_f", "ece"} < set(report["headline"])
    for name, found in report["headline"].items():
        assert found["low"] <= found["value"] <= found["high"]
        expected = scores.get(f"longtail_{name}")
        if expected is not None:
            assert found["value"] == pytest.approx(expected, abs=1e-6), name
    sizes = [report["headline"][f"{x}_f"]["n_labels"] for x in ("head", "mid", "tail")]
    assert sum(sizes) == 9 and all(sizes)


def test_headline_is_titled(report):
    about = report["about"]
    assert list(about["metrics"]) == list(report["headline"])
    assert about["metrics"]["macro_f"] == ["macro-F1", "mean over labels"]
    assert about["metrics"]["mid_f"] == ["mid", "F1, 4 to 9"]


def test_each_label_has_a_row(report, kind_nlp, kind_dev):
    scores = kind_nlp.evaluate(kind_dev)["longtail_f_per_label"]
    rows = get_rows(report)
    assert set(rows) == set(kind_nlp.get_pipe(get_name(kind_nlp)).labels)
    for label, row in rows.items():
        for key in scores[label]:
            assert row[key] == pytest.approx(scores[label][key], abs=1e-6)
        n = row["count"]
        assert row["group"] == ("head" if n >= 10 else "mid" if n >= 4 else "tail")
    assert rows["money/tax"]["pooled"]


def test_tree_sums_its_labels(report):
    money = next(node for node in report["tree"] if node["name"] == "money")
    below = [r for label, r in get_rows(report).items() if label.startswith("money/")]
    assert money["n_labels"] == len(money["children"]) == len(below) == 4
    assert money["count"] == sum(row["count"] for row in below)
    assert money["f"] == pytest.approx(sum(row["f"] for row in below) / 4)


def test_reliability_agrees_with_the_headline(report):
    bins = [point for point in report["reliability"] if point["n"]]
    gaps = [p["n"] * abs(p["probability"] - p["accuracy"]) for p in bins]
    ece = report["headline"]["ece"]["value"]
    assert sum(gaps) / sum(p["n"] for p in bins) == pytest.approx(ece, abs=1e-6)


def test_component_beside_another_one(report, kind_nlp, kind_dev):
    name = get_name(kind_nlp)
    single = [eg for eg in kind_dev if sum(eg.reference.cats.values()) == 1]
    golds = [eg.reference.cats for eg in single]
    for eg, cats in zip(single, golds):
        eg.reference.cats = {f"second/{max(cats, key=cats.get)}": 1.0}
    second = kind_nlp.add_pipe("longtail_textcat", name="second")
    second.initialize(lambda: single, nlp=kind_nlp)
    for eg, cats in zip(single, golds):
        eg.reference.cats = cats
    found = build_report(kind_nlp, kind_dev, pipe=name, head=10, mid=4, resamples=50)
    assert found == report


def test_labels_that_the_top_k_leaves_out(report, kind_nlp, kind_dev):
    pipe = kind_nlp.get_pipe(get_name(kind_nlp))
    pipe.cats_top_k = 1
    assert build_report(kind_nlp, kind_dev, head=10, mid=4, resamples=50) == report
    assert pipe.cats_top_k == 1


def test_labels_that_were_added_at_run_time(kind_nlp, kind_dev):
    config = {"source": get_name(kind_nlp)}
    fallback = kind_nlp.add_pipe("zero_shot_fallback", config=config)
    fallback.initialize(lambda: kind_dev, nlp=kind_nlp)
    fallback.add_label("travel/submarine", description="a submarine under water")
    row = get_rows(build_report(kind_nlp, kind_dev, resamples=2))["travel/submarine"]
    assert (row["count"], row["support"], row["group"]) == (0, 0, "tail")


def test_gold_label_that_training_never_saw(kind_nlp, kind_dev):
    kind_dev[1].reference.cats = {"sport/golf": 1.0}
    kind_dev[2].reference.cats = {"money": 1.0}
    with pytest.warns(UserWarning, match="LW50[12]"):
        report = build_report(kind_nlp, kind_dev, resamples=2)
    golf = get_rows(report)["sport/golf"]
    assert (golf["f"], golf["group"], golf["support"]) == (0.0, "tail", 1)
    assert "money" not in get_rows(report)
    assert report["about"]["n_gold"] == len(kind_dev)


def test_documents_without_gold_labels(kind_nlp, kind_dev):
    kind_dev[0].reference.cats = {}
    about = build_report(kind_nlp, kind_dev, resamples=2)["about"]
    assert about["n_docs"] == len(kind_dev) == about["n_gold"] + 1


def test_corpus_without_gold_labels(kind_nlp, kind_dev):
    for example in kind_dev:
        example.reference.cats = {}
    with pytest.raises(ValueError, match=r"\[L510\]"):
        build_report(kind_nlp, kind_dev)


def test_flat_labels_have_no_first_level(tickets_nlp, tickets_dev):
    nlp = type(tickets_nlp)()
    nlp.add_pipe("longtail_textcat")
    for example in tickets_dev:
        label = max(example.reference.cats).replace("/", "-")
        example.reference.cats = {label: 1.0}
    nlp.initialize(lambda: tickets_dev)
    report = build_report(nlp, tickets_dev, resamples=2)
    assert "coarse_accuracy" not in report["headline"]
    assert all(not node["children"] for node in report["tree"])


@pytest.mark.parametrize("head, mid", [(5, 10), (10, 10), (5, 0)])
def test_bounds_that_would_count_labels_twice(tickets_nlp, head, mid):
    with pytest.raises(ValueError, match=rf"\[L501\].*head = {head} and mid = {mid}"):
        build_report(tickets_nlp, [], head=head, mid=mid)
