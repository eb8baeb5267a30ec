"""The training texts that are most like what is wrong, for both kinds of labels."""

import json

from spacy_longtail.report import build_report, render_html

PARTS = {"exclusive": ["hardest"], "multilabel": ["missed", "false"]}


def get_shown(report, kind):
    """All single documents that a report shows: text, and what is most like it."""
    cases = [case for key in PARTS[kind] for case in report[key]]
    pairs = [(row["example"], row["nearest"]) for row in report["confusions"]]
    pairs += [(r["example"], r["nearest"]) for r in report["mend"] if r["example"]]
    return [(case["text"], case["nearest"]) for case in cases] + pairs


def test_documents_that_are_wrong_have_the_training_texts_like_them(
    kept_nlp, kind_dev, kind_seen, kind
):
    report = build_report(kept_nlp, kind_dev, resamples=2, n_nearest=2)
    assert json.loads(json.dumps(report)) == report
    kept = {example.reference.text for example in kind_seen}
    shown = get_shown(report, kind)
    assert len(report["mend"]) == 5 and any(row["example"] for row in report["mend"])
    assert {one["text"] for _, nearest in shown for one in nearest} <= kept
    assert max(len(nearest) for _, nearest in shown) == 2
    page = render_html(report)
    assert page.count('<ul class="near">') == sum(bool(near) for _, near in shown)
    # Those of a mended label are of the two labels that are confused.
    for row in report["mend"]:
        pair = {row["label"], row["instead"]}
        assert all(pair & {*one["labels"]} for one in row["nearest"])


def test_training_text_with_another_label_is_the_nearest_to_itself(
    kept_nlp, kind_seen, kind
):
    """A gold label that is wrong shows by that."""
    example = kind_seen[0]
    own = [label for label, value in example.reference.cats.items() if value]
    cats = {label: float(label == "travel/hotel") for label in example.reference.cats}
    example.reference.cats = {**cats, "travel/hotel": 1.0}
    report = build_report(kept_nlp, kind_seen, resamples=2)
    text = example.reference.text
    found = [nearest for shown, nearest in get_shown(report, kind) if shown == text]
    assert found and own
    for first, *_ in found:
        assert (first["text"], first["labels"]) == (text, sorted(own))
        assert first["similarity"] > 0.99


def test_no_training_text_is_shown_if_none_is_wanted_or_kept(
    kept_nlp, kind_seen, kind, report, page
):
    wanted = build_report(kept_nlp, kind_seen, resamples=2, n_nearest=0)
    # Without a fallback, none is kept.
    for found in (wanted, report):
        assert not any(nearest for _, nearest in get_shown(found, kind))
    assert '<ul class="near">' not in page
