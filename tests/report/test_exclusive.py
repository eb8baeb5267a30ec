import pytest

from spacy_longtail.pipeline.decision import get_stored
from spacy_longtail.report import build_report, render_html

NAME = "longtail_textcat"


@pytest.fixture(scope="module")
def report(reports):
    return reports["exclusive"]


def test_confusions_are_among_siblings(report):
    assert report["confusions"]
    for row in report["confusions"]:
        assert row["gold"].split("/")[0] == row["label"].split("/")[0]
        assert row["gold"] != row["label"]
    numbers = [row["n"] for row in report["confusions"]]
    assert numbers == sorted(numbers, reverse=True)


def test_coverage_agrees_with_the_headline(report):
    last = report["coverage"]["points"][-1]
    assert last["coverage"] == 1.0
    assert last["accuracy"] == pytest.approx(report["headline"]["accuracy"]["value"])


def test_hardest_documents_are_wrong(report):
    chances = [doc["gold_probability"] for doc in report["hardest"]]
    assert chances == sorted(chances) and chances
    for doc in report["hardest"]:
        assert doc["label"] != doc["gold"]
        assert doc["levels"][-1][0] == doc["label"]


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
        decision = get_stored(doc)
        row = texts.index(doc.text)
        gold = max(tickets_dev[row].reference.cats)
        if row < 3:
            decision["first"] = "travel/visa" if row else gold
            decision["label"] = changes.get(row) or gold
            doc._.longtail = decision
        return doc

    type(tickets_nlp).component("change", func=change)
    tickets_nlp.add_pipe("change")
    found = build_report(tickets_nlp, tickets_dev, resamples=2)["refinement"]
    assert (found["n_refined"], found["n_changed"]) == (3, 3)
    assert (found["n_fixed"], found["n_broken"], found["n_held_back"]) == (2, 1, 0)
    assert found["broken"][0]["label"] == "money/loan"
    assert found["broken"][0]["first"] == found["broken"][0]["gold"]


def test_what_is_held_back_is_not_broken(tickets_nlp, tickets_dev):
    config = {"source": NAME}
    fallback = tickets_nlp.add_pipe("zero_shot_fallback", config=config)
    fallback.initialize(lambda: tickets_dev, nlp=tickets_nlp)
    fallback.settings.route_below = fallback.settings.abstain_threshold = 0.5
    report = build_report(tickets_nlp, tickets_dev, resamples=10)
    found, headline = report["refinement"], report["headline"]
    n_given = headline["coverage"]["value"] * report["about"]["n_gold"]
    assert found["n_held_back"] == len(tickets_dev) - round(n_given) > 0
    assert found["n_broken"] <= found["n_changed"] <= 1
    assert 0 < found["n_held_back_right"] < found["n_held_back"]
    right = headline["precision"]["value"]
    assert right > headline["accuracy"]["value"]
    said = " ".join(remark.text for remark in report.remarks())
    assert f"{right:.1%} of those are right" in said
    page = " ".join(render_html(report).split())
    assert f"labels of {found['n_held_back']} documents were held back" in page
    assert "share of right labels; one that is held back isn" in page


def test_second_stage_that_changed_nothing_is_said_in_a_sentence(report):
    keys = ("n_changed", "n_fixed", "n_broken", "n_held_back", "n_held_back_right")
    found = {"n_refined": 3, **dict.fromkeys(keys, 0), "fixed": [], "broken": []}
    page = " ".join(render_html({**report, "refinement": found}).split())
    assert "3 documents reached the second stage, none got another label." in page
    assert "<h3>Fixed</h3>" not in page


def test_nothing_is_given(tickets_nlp, tickets_dev):
    """Of no label, none is right, wrong or calibrated."""
    tickets_nlp.get_pipe(NAME).thresholds = {"": 1.0}
    report = build_report(tickets_nlp, tickets_dev, resamples=10)
    headline = report["headline"]
    assert headline["precision"] is headline["ece"] is None
    assert headline["coverage"]["value"] == headline["macro_f"]["value"] == 0.0
    assert report["coverage"]["now"] == {"coverage": 0.0, "accuracy": None}
    assert "No document gets a label." in report.remarks()[0].text
    assert "no document gets a label" in render_html(report)
    assert {row["p"] for row in report["labels"]} == {None}


def test_gold_label_at_an_inner_node(tickets_nlp, tickets_dev):
    """It is right if the label stands below it, and no miss of a label."""
    texts = ["my card and chip", "my hotel and room"]
    for example, text in zip(tickets_dev, texts):
        example.reference.cats = {"money": 1.0}
        example.predicted = tickets_nlp.make_doc(text)
    report = build_report(tickets_nlp, tickets_dev, resamples=2)
    (hard,) = [doc for doc in report["hardest"] if doc["gold"] == "money"]
    levels = tickets_nlp(texts[1])._.longtail.levels
    assert [node for node, _ in levels] == [node for node, _ in hard["levels"]]
    cats = tickets_nlp(texts[1]).cats
    share = sum(p for label, p in cats.items() if label.startswith("money/"))
    assert hard["gold_probability"] == pytest.approx(share)
    assert sum(point["n"] for point in report["reliability"]) == len(tickets_dev) - 2
    assert "money" not in [row["gold"] for row in report["confusions"]]
