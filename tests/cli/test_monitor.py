import json

import pytest

pytest.importorskip("pyarrow")


@pytest.fixture
def tables(tmp_path):
    """A period, and one in which a label has gone."""
    paths = []
    for name, labels in (("old", "ab"), ("new", "aa")):
        rows = [f"text {i},{labels[i % 2]},0.5,first" for i in range(400)]
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(["text,label,known,stage", *rows]), encoding="utf8")
        paths.append(path)
    return paths


def test_exit_codes(run, tickets_dir, tables):
    old, new = tables
    model = tickets_dir / "model"
    assert run("monitor", model, old, new).exit_code == 0
    assert run("monitor", model, old, new, "--fail-above", 0.1).exit_code == 3
    assert run("monitor", model, old, new, "--fail-above", 0.9).exit_code == 0
    assert run("monitor", model, old, new, "--fail-on-alarm").exit_code == 3
    same = ("--fail-above", 0, "--fail-on-alarm")
    assert run("monitor", model, old, old, *same).exit_code == 0
    assert run("monitor", model, old, "nothing.csv", *same).exit_code == 1
    assert run("monitor", model, old, new, "--fail-over", 0.1).exit_code == 2


def test_page_and_json(run, tickets_dir, tables, tmp_path):
    args = [tickets_dir / "model", *tables]
    result = run("monitor", *args, "-o", tmp_path / "drift.html")
    assert result.exit_code == 0, result.output
    assert "b (gone)" in result.stdout
    assert "Saved the page" in result.stdout
    assert "<svg" in (tmp_path / "drift.html").read_text(encoding="utf8")
    found = json.loads(run("monitor", *args, "--json").stdout)
    assert found["value"] == pytest.approx(0.5, abs=0.02)
    assert {shift["name"]: shift["alarm"] for shift in found["alarms"]} == {
        "a": "more",
        "b": "gone",
    }
