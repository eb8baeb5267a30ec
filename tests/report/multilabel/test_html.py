import re

import pytest

from spacy_longtail.report import build_report, render_html

EVIL = "<script>alert('x')</script> & \"quotes\""


@pytest.fixture
def data(mixed_nlp, mixed_dev):
    return build_report(mixed_nlp, mixed_dev, resamples=10)


def test_page_needs_nothing_else(data):
    page = render_html(data)
    loaded = re.findall(r"(?:src|href|data)=\"([^\"]+)\"|url\(([^)]+)\)", page)
    assert all((first or second).startswith("#") for first, second in loaded)
    assert page.count("<svg ") == 3


def test_page_has_every_section_that_it_links_to(data):
    page = render_html(data)
    nav = page[page.index("<nav") : page.index("</nav>")]
    for section in re.findall(r'href="#([a-z]+)"', nav):
        assert f'<section id="{section}">' in page


def test_everything_is_escaped(data):
    data["labels"][0]["label"] = f"money/{EVIL}"
    data["labels"][1]["instead"] = EVIL
    data["tree"][0]["name"] = EVIL
    data["about"]["pipeline"] = EVIL
    for doc in data["missed"] + data["false"]:
        doc.update(text=EVIL, label=EVIL, candidates=[[EVIL, 0.5]])
    data["confusions"][0].update(gold=EVIL, label=EVIL, example=EVIL)
    page = render_html(data)
    assert "alert('x')" not in page
    assert page.count("<script>") == 1


def test_ids_of_the_page_differ(data):
    ids = re.findall(r'\sid="([^"]+)"', render_html(data))
    assert len(ids) == len(set(ids))


def test_nothing_is_wrong(data):
    data.update(confusions=[], missed=[], false=[])
    page = render_html(data)
    for text in ("No label is missed.", "No label is false.", "No document misses"):
        assert text in page


def test_page_is_the_same_again(data):
    assert render_html(data) == render_html(data)
