"""The comparison of systems: runs, what is skipped, and what their scores are."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
WORDS = {"card": "debit card pin chip", "loan": "loan rate mortgage borrow"}


def load(name):
    return runpy.run_path(str(BENCHMARKS / f"{name}.py"))


@pytest.fixture(params=["label", "labels"])
def data(request, tmp_path):
    """A folder with a data set "toy" of texts with one label, or with several."""
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    for split, n in (("train", 8), ("dev", 4), ("test", 4)):
        rows = []
        for label, text in WORDS.items():
            words = text.split()
            for i in range(n):
                own = f"my {words[i % 4]} and {words[(i + i // 4 + 1) % 4]} {split} {i}"
                value = label if request.param == "label" else [label]
                rows.append({"text": own, request.param: value})
        if request.param == "labels":
            both = {"text": "card and loan, pin and rate", "labels": ["card", "loan"]}
            rows += [both] * 3
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf8")
    return folder.parent


def call(data, out, *words):
    command = [sys.executable, str(BENCHMARKS / "run.py"), "--data", str(data)]
    command += ["--datasets", "toy", "--out", str(out), *words]
    return subprocess.run(command, capture_output=True, text=True)


def read_lines(out):
    return [json.loads(line) for line in (out / "toy.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_systems_are_compared_and_not_run_again(data, tmp_path):
    out = tmp_path / "results"
    systems = ["--systems", "linear_svc", "efficiency:steps=4", "--seeds", "0", "1"]
    done = call(data, out, *systems[:-1])
    assert done.returncode == 0, done.stdout + done.stderr
    results = {run["system"]: run for run in read_lines(out)}
    assert set(results) == {"linear_svc", "efficiency:steps=4"}
    for run in results.values():
        assert run["scores"]["macro"] == 1.0
        assert run["n"]["labels"] == 2
        assert run["train"]["cpu_s"] > 0 and run["docs_per_cpu_s"]["single"] > 0
        assert run["memory_mb"] > 10 and run["disk_mb"] > 0
    before = (out / "toy.jsonl").read_bytes()
    done = call(data, out, *systems[:-1])
    assert done.stdout == "" and (out / "toy.jsonl").read_bytes() == before
    call(data, out, "--systems", "linear_svc", "--seeds", "0", "1")
    assert [run["seed"] for run in read_lines(out)] == [0, 0, 1]


@pytest.mark.slow
def test_a_run_that_takes_too_long_has_no_figure(data, tmp_path):
    # Starting spaCy three times alone takes longer, on any machine.
    done = call(data, tmp_path, "--systems", "efficiency:steps=4", "--limit", "1")
    assert "over 1 s" in done.stdout
    (run,) = read_lines(tmp_path)
    assert run["over_cpu_s"] == 1 and "scores" not in run


def test_missing_package_is_named(tmp_path, capsys, monkeypatch):
    run = load("run")
    entry = run["SYSTEMS"]["linear_svc"]._replace(packages={"no-such": "no_such"})
    monkeypatch.setitem(run["SYSTEMS"], "linear_svc", entry)
    words = ["--data", str(tmp_path), "--datasets", "toy", "--out", str(tmp_path)]
    assert run["main"]([*words, "--systems", "linear_svc"]) == 0
    said = capsys.readouterr().out
    assert "linear_svc: skipped" in said
    assert "no-such" in said and "requirements-peers.txt" in said
    assert not (tmp_path / "toy.jsonl").exists()


def test_unknown_system_is_named(tmp_path):
    with pytest.raises(SystemExit, match="no system 'svm', only: efficiency"):
        load("run")["main"](["--systems", "svm"])


def test_options_of_a_system():
    parse = load("run")["parse_name"]
    text = "efficiency:loss=focal,tune=false,passes=1.5,min_count=3,prior=none"
    options = {"loss": "focal", "tune": False, "passes": 1.5, "min_count": 3}
    assert parse(text) == ("efficiency", {**options, "prior": None})
    assert parse("linear_svc") == ("linear_svc", {})


def test_scores_are_of_labels_that_were_learned():
    from harness.corpus import Split
    from harness.measure import score

    train = Split([""] * 13, [["a"]] * 10 + [["b"]] * 2 + [["c"]])
    gold = [["a"], ["a"], ["b"], ["new"]]
    found = score([["a"], ["b"], ["b"], ["a"]], gold, train)
    # a: one of two guesses and one of two texts. b: one of two guesses, its only text.
    assert found["macro"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert (found["head"], found["mid"]) == (None, 1 / 2)
    assert found["tail"] == pytest.approx(2 / 3)
    assert found["micro"] == pytest.approx(2 * 2 / (4 + 3))
    assert (found["accuracy"], found["per_doc"]) == (1 / 2, 1.0)


def test_scores_of_several_labels():
    from harness.corpus import Split
    from harness.measure import score

    train = Split([""] * 2, [["a", "b"], ["a"]])
    found = score([["a", "b"], ["b"]], [["a", "b"], ["a"]], train)
    assert found["macro"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert (found["accuracy"], found["per_doc"]) == (1 / 2, 3 / 2)


@pytest.mark.parametrize(
    "scores, labels",
    [([[0.2, 0.7]], [["b"]]), ([[0.6, 0.7]], [["a", "b"]]), ([[0.2, 0.1]], [["a"]])],
)
def test_a_text_gets_its_best_label_at_least(scores, labels):
    import numpy
    from systems.base import cut

    assert cut(numpy.asarray(scores), ["a", "b"], 0.5) == labels


def test_a_result_takes_the_place_of_an_older_one(tmp_path):
    from harness.results import add_result, read_results

    run = {"system": "x", "seed": 0, "split": "test", "scores": {"macro": 0.5}}
    add_result(tmp_path, "toy", run)
    add_result(tmp_path, "toy", {**run, "seed": 1})
    add_result(tmp_path, "toy", {**run, "scores": {"macro": 0.6}})
    found = read_results(tmp_path, "toy")
    macros = [own["scores"]["macro"] for own in found.values()]
    assert macros == [0.6, 0.5]
    assert [path.name for path in tmp_path.iterdir()] == ["toy.jsonl"]
