import json

import pytest

from spacy_longtail.report import build_report

NAME = "longtail_textcat"


@pytest.fixture
def report(tickets_nlp, tickets_dev):
    return build_report(tickets_nlp, tickets_dev, head=10, mid=4, resamples=50)


def test_report_is_json(report):
    assert json.loads(json.dumps(report)) == report


def test_headline_is_what_the_scorer_finds(report, tickets_nlp, tickets_dev):
    tickets_nlp.get_pipe(NAME).scorer.keywords.update(head=10, mid=4)
    scores = tickets_nlp.evaluate(tickets_dev)
    for name, found in report["headline"].items():
        assert found["value"] == pytest.approx(scores[f"longtail_{name}"], abs=1e-6)
        assert found["low"] <= found["value"] <= found["high"]
    sizes = [report["headline"][f"{name}_f"]["n_labels"] for name in ("head", "mid")]
    assert sizes == [3, 3]


def test_each_label_has_a_row(report, tickets_nlp):
    rows = {row["label"]: row for row in report["labels"]}
    assert set(rows) == set(tickets_nlp.get_pipe(NAME).labels)
    assert rows["money/card"]["count"] == 24
    assert rows["money/card"]["group"] == "head"
    assert rows["money/tax"]["pooled"]
    assert all(row["support"] == 15 for row in rows.values())


def test_tree_sums_its_labels(report):
    nodes = {node["name"]: node for node in report["tree"]}
    money = nodes["money"]
    below = [row for row in report["labels"] if row["label"].startswith("money/")]
    assert money["n_labels"] == len(money["children"]) == 4
    assert money["count"] == sum(row["count"] for row in below)
    assert money["f"] == pytest.approx(sum(row["f"] for row in below) / 4)


def test_confusions_are_among_siblings(report):
    assert report["confusions"]
    for row in report["confusions"]:
        assert row["gold"].split("/")[0] == row["label"].split("/")[0]
        assert row["gold"] != row["label"]
    numbers = [row["n"] for row in report["confusions"]]
    assert numbers == sorted(numbers, reverse=True)


def test_curves_agree_with_the_headline(report):
    bins = [point for point in report["reliability"] if point["n"]]
    total = sum(point["n"] for point in bins)
    gaps = [p["n"] * abs(p["probability"] - p["accuracy"]) for p in bins]
    ece = report["headline"]["ece"]["value"]
    assert sum(gaps) / total == pytest.approx(ece, abs=1e-6)
    last = report["coverage"]["points"][-1]
    assert last["coverage"] == 1.0
    assert last["accuracy"] == pytest.approx(report["headline"]["accuracy"]["value"])


def test_hardest_documents_are_wrong(report):
    chances = [doc["gold_probability"] for doc in report["hardest"]]
    assert chances == sorted(chances) and chances
    for doc in report["hardest"]:
        assert doc["label"] != doc["gold"]
        assert doc["levels"][-1][0] == doc["label"]


def test_labels_that_the_top_k_leaves_out(report, tickets_nlp, tickets_dev):
    tickets_nlp.get_pipe(NAME).cats_top_k = 1
    found = build_report(tickets_nlp, tickets_dev, resamples=50)
    assert found["hardest"] == report["hardest"]
    assert found["hardest"][0]["gold_probability"] > 0
    assert tickets_nlp.get_pipe(NAME).cats_top_k == 1


def test_abstention_is_shown(tickets_nlp, tickets_dev):
    tickets_nlp.get_pipe(NAME).thresholds = {"": 0.6}
    report = build_report(tickets_nlp, tickets_dev, resamples=10)
    now = report["coverage"]["now"]
    assert now["coverage"] == report["headline"]["coverage"]["value"] < 1.0
    assert now["accuracy"] > report["headline"]["accuracy"]["value"]
    assert any(doc["label"] is None for doc in report["hardest"])
    assert report["about"]["settings"]["thresholds"] == {"": 0.6}


def test_without_a_second_stage_nothing_is_refined(report):
    assert report["refinement"] is None


def test_refinement(tickets_nlp, tickets_dev):
    """Let a component change some labels as the fallback does."""
    changes = {0: "money/loan", 1: None}
    texts = [example.reference.text for example in tickets_dev]

    def change(doc):
        decision = doc.user_data["longtail"]
        row = texts.index(doc.text)
        gold = max(tickets_dev[row].reference.cats)
        if row < 3:
            decision["first"] = "travel/visa" if row else gold
            decision["label"] = changes.get(row) or gold
        return doc

    type(tickets_nlp).component("change", func=change)
    tickets_nlp.add_pipe("change")
    found = build_report(tickets_nlp, tickets_dev, resamples=2)["refinement"]
    assert (found["n_refined"], found["n_changed"]) == (3, 3)
    assert (found["n_fixed"], found["n_broken"]) == (2, 1)
    assert found["broken"][0]["label"] == "money/loan"
    assert found["broken"][0]["first"] == found["broken"][0]["gold"]


def test_corpus_without_gold_labels(tickets_nlp, tickets_dev):
    for example in tickets_dev:
        example.reference.cats = {}
    with pytest.raises(ValueError, match=r"\[L510\]"):
        build_report(tickets_nlp, tickets_dev)


def test_gold_labels_at_inner_nodes_and_unseen_ones(tickets_nlp, tickets_dev):
    tickets_dev[0].reference.cats = {"money": 1.0}
    tickets_dev[1].reference.cats = {"sport/golf": 1.0}
    with pytest.warns(UserWarning, match="LW501"):
        report = build_report(tickets_nlp, tickets_dev, resamples=2)
    assert report["about"]["n_gold"] == len(tickets_dev)
    rows = {row["label"]: row for row in report["labels"]}
    assert rows["sport/golf"]["f"] == 0.0 and rows["sport/golf"]["group"] == "tail"


def test_flat_labels(tickets_nlp, tickets_dev):
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
def test_bounds_that_would_count_labels_twice(tickets_nlp, tickets_dev, head, mid):
    with pytest.raises(ValueError, match=r"\[L501\]"):
        build_report(tickets_nlp, tickets_dev, head=head, mid=mid)
