import builtins
import re
from collections import Counter

import pytest

from spacy_longtail.presentation import show_figure
from spacy_longtail.report import html, render_html
from spacy_longtail.report.html import get_step, plot_tail

EVIL = "<script>alert('x')</script> & \"quotes\""
# Keys of what isn't a text of the corpus or the pipeline.
OURS = {"kind", "labels", "written_by", "date", "group", "separator", "metrics"}


def poison(value):
    """Replace every text in a report."""
    if isinstance(value, dict):
        return {k: v if k in OURS and v else poison(v) for k, v in value.items()}
    if isinstance(value, list):
        return [poison(part) for part in value]
    return EVIL if isinstance(value, str) else value


def test_page_needs_nothing_else(page):
    loaded = re.findall(r"(?:src|href|data)=\"([^\"]+)\"|url\(([^)]+)\)", page)
    assert all((first or second).startswith("#") for first, second in loaded)
    assert "@import" not in page
    assert page.count("<svg ") == 4


def test_page_has_every_section_that_it_links_to(page):
    nav = page[page.index("<nav") : page.index("</nav>")]
    sections = re.findall(r'href="#([a-z]+)"', nav)
    assert sections == re.findall(r'<section id="([a-z]+)"', page)
    assert {"tail", "labels", "tree", "confusions", "sure"} < set(sections)


def test_labels_of_one_level_have_no_tree(pages, reports):
    about = {**reports["exclusive"]["about"], "depth": 1}
    page = render_html({**reports["exclusive"], "about": about})
    assert 'id="tree"' in pages["exclusive"]
    assert 'id="tree"' not in page and 'href="#tree"' not in page


def test_everything_is_escaped(report):
    poisoned = {
        key: part if key == "headline" else poison(part) for key, part in report.items()
    }
    poisoned["labels"] = poison(report["labels"])
    page = render_html(poisoned)
    assert "alert('x')" not in page
    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert(&#39;x&#39;)" in page


def test_ids_of_the_page_differ(page):
    counts = Counter(re.findall(r'\sid="([^"]+)"', page))
    assert counts.most_common(1)[0][1] == 1


def test_plots_have_the_colours_of_the_page(page):
    assert "var(--accent)" in page[page.index("<svg") :]
    assert not re.search(r"#0[14710adb]0[258b]0[369cf]", page)


def test_figure_is_the_same_again(reports, pages):
    assert plot_tail(reports["exclusive"]["labels"], 10, 4) in pages["exclusive"]


def test_cards_are_titled_as_in_the_table_of_metrics(report, page):
    card = page[page.index('id="card-head_f"') :].split("</div>")[0]
    assert "<h3>Head</h3>" in card
    n_labels = report["headline"]["head_f"]["n_labels"]
    assert f"F1, 10 training documents or more; {n_labels} labels" in card
    assert f"{report['headline']['head_f']['value']:.3f}" in card


def test_each_label_has_a_row(report, page):
    rows = re.findall(r'<tr data-label="([^"]+)">', page)
    assert rows == [row["label"] for row in report["labels"]]


def test_of_many_labels_those_that_were_missed_have_a_row(report, monkeypatch):
    monkeypatch.setattr(html, "MOST_LABELS", 3)
    page = render_html(report)
    rows = re.findall(r'<tr data-label="([^"]+)">', page)
    n_missed = {
        row["label"]: row["support"] * (1.0 - (row["r"] or 0.0))
        for row in report["labels"]
    }
    others = [n for label, n in n_missed.items() if label not in rows]
    assert len(rows) == 3
    assert min(n_missed[label] for label in rows) >= max(others)
    assert f"The 3 labels of {len(report['labels'])} that were missed" in page
    # Categories stay, and the report itself keeps all.
    summaries = [node["name"] for node in report["tree"] if node["children"]]
    assert summaries and all(f"{name} <span" in page for name in summaries)


NOTHING = {
    "exclusive": ("No label was taken for one", "All documents are right."),
    "multilabel": ("No document misses", "No label is missed.", "No label is false."),
}


def test_nothing_is_wrong(kind, report):
    lists = {"confusions", "hardest", "missed", "false"} & report.keys()
    page = render_html({**report, **{key: [] for key in lists}})
    for text in NOTHING[kind]:
        assert text in page
    assert page.count('<li class="case">') == 0


def test_ranking_metrics_have_a_table_of_their_own(pages, reports):
    page, report = pages["multilabel"], reports["multilabel"]
    ranks = page[page.index('<section id="ranks"') :].split("</section>")[0]
    for title in ("Precision", "nDCG", "Propensity-scored precision"):
        assert f">{title}</th>" in ranks
    for key in ("ndcg_at_3", "psp_at_5", "lrap"):
        assert f"{report['headline'][key]['value']:.3f}" in ranks
        assert f'id="card-{key}"' not in page


def test_without_matplotlib(report, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"\[L642\].*spacy-longtail\[report\]"):
        render_html(report)


@pytest.mark.parametrize(
    "f,step", [(None, "none"), (0.0, "0"), (0.19, "0"), (0.2, "1"), (1.0, "4")]
)
def test_colour_of_an_f_score(f, step):
    assert get_step(f) == step


def test_missing_figure_is_a_dash():
    assert (show_figure(None), show_figure(0.12345)) == ("–", "0.123")
