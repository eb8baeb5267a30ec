import pytest
from spacy.language import Language

from spacy_longtail.report import build_report

NAME = "longtail_textcat_multilabel"


@Language.component("forget_garden", assigns=["doc.cats"])
def forget_garden(doc):
    doc.cats["home/garden"] = 0.0
    return doc


@pytest.fixture(scope="module")
def report(reports):
    return reports["multilabel"]


def get_rows(report):
    return {row["label"]: row for row in report["labels"]}


def test_ranking_metrics_are_in_the_headline(report):
    assert {"macro_ap", "lrap", "p_at_1", "psp_at_5"} < set(report["headline"])
    ranked = [key for key in report["headline"] if "_at_" in key]
    assert ranked[:4] == ["p_at_1", "ndcg_at_1", "psp_at_1", "p_at_3"]


def test_average_precision_and_threshold_of_each_label(report, mixed_nlp):
    rows = get_rows(report)
    assert {row["threshold"] for row in rows.values()} == {0.25}
    mean = sum(row["ap"] for row in rows.values()) / len(rows)
    assert mean == pytest.approx(report["headline"]["macro_ap"]["value"])


def test_confusions_are_of_a_missed_and_a_false_label(report, mixed_nlp, mixed_dev):
    pairs = {}
    for example in mixed_dev:
        gold = {label for label, v in example.reference.cats.items() if v}
        given = set(mixed_nlp(example.reference.text)._.longtail.labels)
        for first in gold - given:
            for second in given - gold:
                pairs[first, second] = pairs.get((first, second), 0) + 1
    assert pairs
    found = {(row["gold"], row["label"]): row["n"] for row in report["confusions"]}
    assert found == pairs
    for row in report["confusions"]:
        assert row["back"] == pairs.get((row["label"], row["gold"]), 0)
        assert 0 < row["share"] <= 1
    numbers = [row["n"] for row in report["confusions"]]
    assert numbers == sorted(numbers, reverse=True)


def test_tradeoff_agrees_with_the_headline(report):
    headline = report["headline"]
    now, points = report["tradeoff"]["now"], report["tradeoff"]["points"]
    assert now["recall"] == pytest.approx(headline["micro_r"]["value"])
    assert now["precision"] == pytest.approx(headline["micro_p"]["value"])
    recalls = [point["recall"] for point in points]
    assert recalls == sorted(recalls) and recalls[-1] == 1.0
    # Thresholds that are moved by nothing give what there is now.
    nearest = min(points, key=lambda p: (p["shift"] < 0, p["shift"]))
    assert nearest["recall"] == pytest.approx(now["recall"], abs=0.02)


def test_cases_are_the_surest_mistakes(report):
    chances = [doc["probability"] for doc in report["missed"]]
    assert chances and chances == sorted(chances)
    for doc in report["missed"]:
        assert doc["probability"] < doc["threshold"]
        assert doc["label"] in [label for label, _ in doc["missed"]]
    chances = [doc["probability"] for doc in report["false"]]
    assert chances and chances == sorted(chances, reverse=True)
    for doc in report["false"]:
        assert doc["probability"] >= doc["threshold"]
        assert doc["label"] in [label for label, _ in doc["false"]]
        assert doc["label"] in [label for label, _ in doc["candidates"]]


def test_labels_per_document(report, mixed_nlp, mixed_dev):
    about = report["about"]
    golds = [{k for k, v in eg.reference.cats.items() if v} for eg in mixed_dev]
    guesses = [set(mixed_nlp(eg.reference.text)._.longtail.labels) for eg in mixed_dev]
    n_exact = sum(gold == guess for gold, guess in zip(golds, guesses))
    assert about["n_exact"] == n_exact
    assert about["gold_per_doc"] == pytest.approx(sum(map(len, golds)) / len(golds))
    expected = sum(map(len, guesses)) / len(guesses)
    assert about["given_per_doc"] == pytest.approx(expected)


def test_what_later_components_make_of_it(mixed_nlp, mixed_dev):
    mixed_nlp.add_pipe("forget_garden")
    report = build_report(mixed_nlp, mixed_dev, resamples=2)
    assert get_rows(report)["home/garden"]["f"] == 0.0
    first = report["missed"][0]
    assert (first["label"], first["probability"]) == ("home/garden", 0.0)


def test_unknown_and_unseen_labels(mixed_nlp, mixed_dev):
    mixed_dev[0].reference.cats = {}
    mixed_dev[1].reference.cats = {"sport/golf": 1.0}
    mixed_dev[2].reference.cats = {"money": 1.0}
    with pytest.warns(UserWarning, match="LW502"):
        report = build_report(mixed_nlp, mixed_dev, resamples=2)
    assert report["about"]["n_gold"] == len(mixed_dev) - 1
    golf = get_rows(report)["sport/golf"]
    assert (golf["f"], golf["group"], golf["threshold"]) == (0.0, "tail", None)


def test_label_without_gold_documents(mixed_nlp, mixed_dev):
    some = [eg for eg in mixed_dev if not eg.reference.cats.get("travel/visa")]
    row = get_rows(build_report(mixed_nlp, some, resamples=2))["travel/visa"]
    assert (row["support"], row["f"], row["r"], row["ap"]) == (0, None, None, None)


def test_everything_is_right(mixed_nlp, mixed_dev):
    for example in mixed_dev:
        labels = mixed_nlp(example.reference.text)._.longtail.labels
        cats = dict.fromkeys(mixed_nlp.get_pipe(NAME).labels, 0.0)
        example.reference.cats = {**cats, **dict.fromkeys(labels, 1.0)}
    report = build_report(mixed_nlp, mixed_dev, resamples=2)
    assert report["headline"]["micro_f"]["value"] == 1.0
    assert report["confusions"] == report["missed"] == report["false"] == []
