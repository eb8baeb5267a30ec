import builtins
import re

import pytest

from spacy_longtail.pages import show_figure
from spacy_longtail.report import build_report, render_html
from spacy_longtail.report.html import get_step

EVIL = "<script>alert('x')</script> & \"quotes\""


@pytest.fixture
def data(tickets_nlp, tickets_dev):
    return build_report(tickets_nlp, tickets_dev, resamples=10)


def test_page_needs_nothing_else(data):
    page = render_html(data)
    loaded = re.findall(r"(?:src|href|data)=\"([^\"]+)\"|url\(([^)]+)\)", page)
    assert all((first or second).startswith("#") for first, second in loaded)
    assert "@import" not in page
    assert page.count("<svg ") == 3


def test_everything_is_escaped(data):
    data["labels"][0]["label"] = f"money/{EVIL}"
    data["labels"][1]["taken_for"] = EVIL
    data["tree"][0]["name"] = EVIL
    data["about"]["pipeline"] = EVIL
    for doc in data["hardest"]:
        doc.update(text=EVIL, gold=EVIL, reason=EVIL, levels=[[EVIL, 0.5]])
    data["confusions"][0].update(gold=EVIL, label=EVIL, example=EVIL)
    page = render_html(data)
    assert "alert('x')" not in page
    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert(&#39;x&#39;)" in page


def test_ids_of_the_page_differ(data):
    ids = re.findall(r'\sid="([^"]+)"', render_html(data))
    assert len(ids) == len(set(ids))


def test_plots_have_the_colours_of_the_page(data):
    page = render_html(data)
    assert "var(--accent)" in page[page.index("<svg") :]
    assert not re.search(r"#0[14710adb]0[258b]0[369cf]", page)


def test_page_is_the_same_again(data):
    assert render_html(data) == render_html(data)


def test_without_matplotlib(data, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"\[L642\].*spacy-longtail\[report\]"):
        render_html(data)


@pytest.mark.parametrize(
    "f,step", [(None, "none"), (0.0, "0"), (0.19, "0"), (0.2, "1"), (1.0, "4")]
)
def test_colour_of_an_f_score(f, step):
    assert get_step(f) == step


def test_missing_figure_is_a_dash():
    assert (show_figure(None), show_figure(0.12345)) == ("–", "0.123")
