from copy import deepcopy

import pytest
import spacy
from spacy.training import Corpus

from spacy_longtail.report import build_report, render_html


@pytest.fixture(scope="session")
def reports(tickets_dir, mixed_dir):
    """For each kind of labels, built once."""

    def build(folder):
        nlp = spacy.load(folder / "model")
        corpus = Corpus(folder / "dev.spacy")
        return build_report(nlp, corpus(nlp), head=10, mid=4, resamples=50)

    return {"exclusive": build(tickets_dir), "multilabel": build(mixed_dir)}


@pytest.fixture(scope="session")
def pages(reports):
    """For each kind of labels, with its plots drawn once."""
    return {kind: render_html(report) for kind, report in reports.items()}


@pytest.fixture
def report(reports, kind):
    """A report of its own for each test."""
    return deepcopy(reports[kind])


@pytest.fixture
def page(pages, kind):
    return pages[kind]
