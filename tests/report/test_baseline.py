import builtins

import pytest

from spacy_longtail.report import build_report
from spacy_longtail.report.baseline import fit_baseline
from spacy_longtail.taxonomy import build_taxonomy

TREE = build_taxonomy({"a/b": 3, "a/c": 3})


def test_without_scikit_learn(kind_nlp, kind_dev, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"\[L761\].*pip install scikit-learn"):
        build_report(kind_nlp, kind_dev, baseline=kind_dev, resamples=2)


@pytest.mark.slow
def test_one_label_is_too_few(kind_nlp, kind_dev):
    pytest.importorskip("sklearn")
    for example in kind_dev:
        example.reference.cats = {"money/card": 1.0}
    with pytest.raises(ValueError, match=r"\[L765\].*found 1 in"):
        fit_baseline(kind_dev, [], False, TREE)


@pytest.mark.slow
def test_baseline_learns_and_answers_in_order(kind, kind_nlp, kind_dev):
    pytest.importorskip("sklearn")
    several = kind == "multilabel"
    texts = [eg.reference.text for eg in kind_dev]
    tree = kind_nlp.get_pipe(kind_nlp.pipe_names[-1]).taxonomy
    found = fit_baseline(kind_dev, texts, several, tree)
    golds = [{k for k, v in eg.reference.cats.items() if v} for eg in kind_dev]
    n_right = sum(set(given) == gold for given, gold in zip(found.given, golds))
    assert n_right > 0.9 * len(golds)
    assert found.known == set(tree.leaves)


@pytest.mark.slow
def test_ancestors_and_labels_of_others_are_no_labels_of_it(kind_nlp, kind_dev):
    pytest.importorskip("sklearn")
    for number, example in enumerate(kind_dev):
        label = ("a/b", "a/c")[number % 2]
        example.reference.cats = {"a": 1.0, label: 1.0, "urgent": 1.0}
    assert fit_baseline(kind_dev, ["my card"], False, TREE).known == {"a/b", "a/c"}
