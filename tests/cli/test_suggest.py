import json

import pytest

pytest.importorskip("pyarrow")


@pytest.fixture
def pool(tmp_path):
    texts = ["my visa and oven", "my hotel and tax", "my card and pin", "my garden"]
    path = tmp_path / "pool.csv"
    path.write_text("\n".join(["body", *texts]) + "\n", encoding="utf8")
    return path


def test_suggest(run, tickets_dir, pool, tmp_path):
    out = tmp_path / "to_label.csv"
    args = [tickets_dir / "model", pool, "-n", 2, "--text", "body", "-o", out]
    result = run("suggest", *args)
    assert result.exit_code == 0, result.output
    assert "2 texts of 4, for 6 labels." in result.stdout
    # As it's to be typed, on one line.
    assert f"convert {out} corpus --add corpus\n" in result.stdout
    assert len(out.read_text(encoding="utf8").splitlines()) == 3
    again = run("suggest", *args)
    assert (again.exit_code, "[L604]" in again.output) == (1, True)
    assert run("suggest", *args, "--force").exit_code == 0


def test_json_is_all_that_is_printed(run, tickets_dir, pool):
    args = ["--for", "travel", "--json"]
    found = json.loads(run("suggest", tickets_dir / "model", pool, *args).stdout)
    assert (found["focus"], len(found["rows"])) == ("travel", 4)


def test_bad_output_is_found_before_the_work(run, tmp_path):
    result = run("suggest", "nowhere", "nothing.csv", "-o", tmp_path / "a.doc")
    assert (result.exit_code, "[L716]" in result.output) == (1, True)
