import json
import re

import pytest
import spacy
from spacy.training import Corpus
from typer.testing import CliRunner

from spacy_longtail.cli import longtail


@pytest.fixture
def run(mixed_dir):
    def run(*options, text="my card and hotel room"):
        arguments = ["explain", str(mixed_dir / "model"), text, *options]
        return CliRunner().invoke(longtail, arguments)

    return run


def test_decision_and_words_are_printed(run):
    result = run()
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    for text in ("threshold", "Why money/card", "Why travel/hotel", "needed for 0.250"):
        assert text in words


def test_label_that_is_not_given_and_pooled(run):
    words = " ".join(run("--label", "money/tax").stdout.split())
    assert "Why not money/tax" in words
    assert "pooled in the Other of" in words
    assert "needed for" not in words


def test_printed_rows_sum_to_the_log_of_the_odds(run):
    text = "my card and the chip of my debit card with the pin in my hotel room"
    lines = run("--label", "money/card", text=text).stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("word "))
    end = next(i for i, line in enumerate(lines) if line.startswith("log of the odds"))
    values = [
        float(re.search(r"[+-]\d+\.\d\d", line)[0])
        for line in lines[start + 2 : end + 1]
    ]
    assert lines[end - 3].startswith("(other words)")
    assert sum(values[:-1]) == pytest.approx(values[-1], abs=0.07)


def test_json_is_all_that_is_on_stdout(run):
    data = json.loads(run("-l", "home/garden", "-l", "money/tax", "--json").stdout)
    assert data["kind"] == "longtail_textcat_multilabel"
    assert [label["label"] for label in data["labels"]] == ["home/garden", "money/tax"]


def test_page_is_written(run, tmp_path):
    path = tmp_path / "words.html"
    assert run("--output", str(path)).exit_code == 0
    assert "<mark" in path.read_text(encoding="utf8")


def test_comparison_is_a_clear_error(run):
    result = run("--against", "money/card")
    assert result.exit_code == 1
    assert "[L524]" in result.output


def test_text_without_a_label(run):
    words = " ".join(run(text="qqq zzz").stdout.split())
    assert "The text has no label. " in words
    assert "The text has no label. " not in " ".join(run().stdout.split())


def test_label_that_was_added_at_run_time(mixed_dir, tmp_path):
    nlp = spacy.load(mixed_dir / "model")
    name = "longtail_textcat_multilabel"
    fallback = nlp.add_pipe("zero_shot_fallback", config={"source": name})
    examples = list(Corpus(mixed_dir / "dev.spacy")(nlp))
    fallback.initialize(lambda: examples, nlp=nlp)
    fallback.add_label("travel/submarine", description="a submarine under water")
    nlp.to_disk(tmp_path)
    text = "a submarine under water"
    result = CliRunner().invoke(longtail, ["explain", str(tmp_path), text])
    words = " ".join(result.stdout.split())
    assert "travel/submarine was added at run time: it is judged by how close" in words
    assert "Why" not in words
