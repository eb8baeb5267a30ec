"""The scripts that measure speed and how it grows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def results():
    """Costs that are proportional to the number of labels, and to its root."""
    about = {
        "date": "2026-01-01",
        "machine": "m",
        "commit": "c",
        "versions": {"p": "1"},
    }
    usual = {"study": "labels", "system": "longtail", "seed": 0, **about}
    steps = [{**usual, "n_labels": n, "ms": n / 100, "disk_mb": n**0.5} for n in STEPS]
    return [*steps, {**usual, "system": "textcat", "n_labels": 1000, "over": "9 GB"}]


STEPS = (100, 1000, 10000)


def test_made_up_corpus_is_of_zipf_and_always_the_same():
    from performance.made_up import make_corpus

    corpus = make_corpus(50, 2000, 12)
    assert corpus == make_corpus(50, 2000, 12)
    assert corpus != make_corpus(50, 2000, 12, seed=1)
    assert len(corpus.texts) == len(corpus.gold) == 2000
    assert {len(text.split()) for text in corpus.texts} == {12}
    assert len(set(corpus.labels)) == 50
    counts = [corpus.gold.count(label) for label in corpus.labels]
    assert min(counts) >= 1
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.15)


def test_exponent_is_the_slope_of_the_logs(results):
    from performance.tables import fit_exponent, make_growth

    assert fit_exponent([(x, 3 * x**1.5) for x in STEPS]) == pytest.approx(1.5)
    assert fit_exponent([(1, 1), (10, 10)]) is None
    growth = make_growth(results, "n_labels", ["ms", "disk_mb"])
    assert growth.endswith("prediction (ms a text) 1.00, saved (MB) 0.50")


def test_table_says_what_could_not_be_measured(results, tmp_path):
    from harness.pages import get_digest
    from performance.tables import draw_scaling, make_scaling

    lines = "".join(json.dumps(result) + "\n" for result in results)
    (tmp_path / "scaling.jsonl").write_text(lines, encoding="utf8")
    table = make_scaling(tmp_path)
    assert "| 1,000 | spaCy `textcat` | over 9 GB |" in table
    assert "| 10,000 | spacy-longtail | 100 |" in table
    draw_scaling(results, tmp_path / "plot.svg")
    assert get_digest(results) in (tmp_path / "plot.svg").read_text(encoding="utf8")


def test_ratios_are_of_one_run(tmp_path):
    from performance.tables import make_shares, make_speed

    about = {
        "date": "2026-01-01",
        "machine": "m",
        "commit": "c",
        "versions": {"p": "1"},
    }
    rates = {"textcat": 1000.0, "first": 2500.0, "pair": 2000.0, "two": 3000.0}
    shares = {use: {"tokenizer": 0.25, "rest": 0.75} for use in ("first", "pair")}
    found = {"rates": rates, "cpu_rates": rates, "shares": shares, "data": "d", **about}
    (tmp_path / "speed.json").write_text(json.dumps(found), encoding="utf8")
    table = make_speed(tmp_path)
    assert "| first stage, all labels | 2,500 | 2.50 × `textcat` |" in table
    assert "| 3,000 | 1.50 × one process, streamed |" in table
    assert "| tokenizer | 100.0 (25%) | 125.0 (25%) |" in make_shares(tmp_path)


@pytest.mark.parametrize(
    "path, name, part",
    [
        ("/a/spacy_longtail/pipeline/fallback/router.py", "judge", "fallback"),
        ("/a/spacy_longtail/pipeline/fallback/component.py", "pipe", None),
        ("/a/spacy_longtail/products.py", "multiply_rows", "product"),
        ("/a/spacy/language.py", "make_doc", "tokenizer"),
        (
            "/a/spacy_longtail/pipeline/decision_writer.py",
            "write_cats",
            "writing doc.cats",
        ),
    ],
)
def test_samples_are_assigned_to_parts(path, name, part):
    from performance.shares import look_up

    assert look_up(path, name) == part


@pytest.mark.slow
def test_systems_are_measured_in_steps_until_a_limit(tmp_path):
    out = tmp_path / "scaling.jsonl"
    command = [sys.executable, str(BENCHMARKS / "scaling.py"), "--studies", "labels"]
    command += ["--systems", "longtail_top10", "textcat", "--most", "300"]
    done = subprocess.run(
        [*command, "--memory", "1.5", "--out", str(out)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in out.read_text().splitlines()]
    ours = [result for result in found if result["system"] == "longtail_top10"]
    assert [result["n_labels"] for result in ours] == [100, 300]
    assert all(result["ms"] > 0 and result["epoch_s"] > 0 for result in ours)
    # A bag of 262,144 buckets and 300 labels doesn't fit.
    assert [r["over"] for r in found if "over" in r] == ["1.5 GB"]


def test_soak_compares_what_was_needed_early_and_late(tmp_path):
    from harness.pages import get_digest
    from performance.soaked import draw_soak, make_soak

    about = {
        "date": "2026-01-01",
        "machine": "m",
        "commit": "c",
        "versions": {"p": "1"},
    }
    grown = [(60.0 * i, 8640 * i, 10000 * i, 100.0 + 10 * i) for i in range(11)]
    flat = [(*point[:3], 50.0) for point in grown]
    runs = [
        {"system": "pair", "zones": True, "points": grown},
        {"system": "empty", "zones": True, "points": flat},
    ]
    text = json.dumps({"runs": runs, **about})
    (tmp_path / "soak.json").write_text(text, encoding="utf8")
    page = make_soak(tmp_path)
    # At 20 %, 30 % and 40 %, and at 80 % to 100 % of the texts.
    assert "| 10.0 | 86,400 | 100,000 | 100 | 130 | 190 | 200 |" in page
    assert "| 10.0 | 86,400 | 100,000 | 50 | 50 | 50 | 50 |" in page
    assert "86,400 texts are 1.0 a second" in page
    draw_soak({"runs": runs}, tmp_path / "plot.svg")
    assert get_digest(runs) in (tmp_path / "plot.svg").read_text(encoding="utf8")
