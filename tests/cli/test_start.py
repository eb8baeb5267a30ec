import json
import re

import spacy
from spacy.cli._util import app
from typer.testing import CliRunner

import spacy_longtail.cli  # noqa: F401

LIST = "code,title,parent\nA,Animals,\nA1,Dogs,A\nA2,Cats,A\nA3,,A\n"


def run(*arguments):
    result = CliRunner().invoke(app, ["longtail", "start", *map(str, arguments)])
    plain = re.sub(r"\x1b\[[\d;]*m", "", result.output)
    return result, " ".join(plain.split())


def test_saves_a_pipeline_and_says_what_was_read(tmp_path):
    (tmp_path / "codes.csv").write_text(LIST)
    result, output = run(tmp_path / "codes.csv", "--output", tmp_path / "model")
    assert result.exit_code == 0
    assert "3 labels, 0 with a description; 2 levels, by the column 'parent'." in output
    assert "A/A1 Dogs" in output
    assert "1 label without title and description, for example 'A/A3'" in output
    assert spacy.load(tmp_path / "model")("dogs")._.longtail.label == "A/A1"
    result, output = run(tmp_path / "codes.csv", "--output", tmp_path / "model")
    assert result.exit_code == 1 and "[L604]" in output


def test_json_is_all_that_is_on_stdout(tmp_path):
    (tmp_path / "codes.csv").write_text(LIST)
    result, _ = run(
        tmp_path / "codes.csv", "-o", tmp_path / "model", "--json", "--flat"
    )
    found = json.loads(result.stdout)
    assert found["n_labels"] == 4 and found["tree"] == "none"
    assert found["columns"] == {"code": "code", "title": "title", "parent": "parent"}
