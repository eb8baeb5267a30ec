"""What the pages say of the benchmarks is what was measured."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
PAGE = "# Page\n\n<!-- results: quality -->\nold\n<!-- end of results -->\n\nText.\n"
MACHINE = {"date": "2026-11-27", "machine": "Linux", "versions": {"python": "3.11.7"}}


@pytest.fixture
def tables(benchmarks):
    return runpy.run_path(str(BENCHMARKS / "tables.py"))


def make_run(system, macro, seed=0, **more):
    scores = dict.fromkeys(("head", "mid", "tail", "accuracy", "micro"), macro)
    scores |= {"macro": macro, "per_doc": 1.0, "gold_per_doc": 1.0, **more}
    return {
        "system": system,
        "seed": seed,
        "split": "test",
        "scores": scores,
        "train": {"cpu_s": 12.3},
        "memory_mb": 234.5,
        "disk_mb": 5.55,
        "load_cpu_s": 0.051,
        "docs_per_cpu_s": {"single": 1234.0, "batched": 18204.0},
        "n": {"train": 3251, "test": 10, "labels": 2},
        **MACHINE,
    }


RUNS = {
    "clinc150_lt": {
        "linear_svc": [make_run("linear_svc", 0.7), make_run("linear_svc", 0.72, 1)],
        "efficiency": [make_run("efficiency", 0.65)],
        "textcat": [
            {"system": "textcat", "seed": 0, "over_cpu_s": 900, "date": "2026-11-26"}
        ],
    }
}


def test_pages_and_plot_are_current(tables):
    """If this fails: make docs"""
    runs = tables["group_runs"]()
    assert runs
    assert tables["find_stale"](runs) == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/benchmarks.md"])
def test_commands_beside_the_figures_exist(page):
    text = (ROOT / page).read_text(encoding="utf8")
    for script in re.findall(r"\b(?:benchmarks|scripts)/\w+\.py\b", text):
        assert (ROOT / script).exists(), script


def test_a_changed_figure_is_noticed(tables):
    runs = tables["group_runs"]()
    systems = next(iter(runs.values()))
    own = next(own for own in systems.values() if "scores" in own[0])
    own[0]["scores"]["macro"] += 0.01
    stale = {path.name for path in tables["find_stale"](runs)}
    assert {"benchmarks.md", "benchmarks.svg"} <= stale


def test_tables_show_who_is_ahead(tables):
    page = tables["build_page"](PAGE, RUNS)
    assert page.startswith("# Page\n\n<!-- results: quality -->\n")
    assert page.endswith("<!-- end of results -->\n\nText.\n") and "old" not in page
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[1] for row in rows[1:]] == [
        "0.710 (0.700–0.720)",
        "0.650",
        "–",
    ]
    assert (
        "LinearSVC" in rows[1]
        and "| 12 | 234 | 5.5 | 0.05 | 1,234 | 18,204 |" in rows[1]
    )
    assert "over 900" in rows[3]
    assert "`clinc150_lt`: 150 intents" in page and "3,251 training texts" in page
    assert "--seeds 0 1`, 2026-11-26 to 2026-11-27, Linux, python 3.11.7." in page
    assert tables["build_page"](page, RUNS) == page


def test_readme_shows_the_best_in_bold(tables):
    table = tables["make_readme"](RUNS)
    (row,) = table.splitlines()[2:]
    assert "**0.710** (12 s)" in row and "| 0.650 (12 s) |" in row
    assert "over 900 s" in row


def test_several_labels_have_columns_of_their_own(tables):
    run = make_run("efficiency", 0.5, per_doc=2.4, gold_per_doc=2.27)
    page = tables["build_page"](PAGE, {"nlupp": {"efficiency": [run]}})
    assert "| micro-F1 | labels a text (2.27) |" in page
    assert "| 0.500 | 2.40 |" in page


def test_plot_is_the_same_every_time(tables, tmp_path):
    points = tables["get_points"](RUNS)
    assert points["clinc150_lt"] == [
        ("linear_svc", 12.3, 0.71),
        ("efficiency", 12.3, 0.65),
    ]
    for name in ("a.svg", "b.svg"):
        tables["draw_plot"](points, tmp_path / name)
    first = (tmp_path / "a.svg").read_text()
    assert first == (tmp_path / "b.svg").read_text()
    assert tables["get_digest"](points) in first
