import json
import re

import pytest
import spacy
from spacy.training import Corpus
from typer.testing import CliRunner

from spacy_longtail.cli import longtail


def run_explain(model, text, *options):
    return CliRunner().invoke(longtail, ["explain", str(model), text, *options])


@pytest.fixture
def run(kind_dir):
    """For each kind of labels."""

    def run(*options, text="my card and hotel room"):
        return run_explain(kind_dir / "model", text, *options)

    return run


@pytest.fixture
def run_several(mixed_dir):
    def run(*options, text="my card and hotel room"):
        return run_explain(mixed_dir / "model", text, *options)

    return run


def test_decision_and_words_are_printed(run):
    result = run()
    assert result.exit_code == 0
    for text in ("Decision", "; known 0.", "Why ", "log of the odds"):
        assert text in result.stdout
    assert "my card and hotel room\n" in result.stdout
    assert "The text has no label." not in result.stdout


def test_levels_of_one_label_are_printed(tickets_dir):
    result = run_explain(tickets_dir / "model", "my card and chip")
    levels = r"^money  [01]\.\d{3}\n  money/card  [01]\.\d{3}\nlongtail_textcat: "
    assert re.search(levels, result.stdout, re.M)
    assert "Why money/card and not " in result.stdout


def test_thresholds_of_several_labels_are_printed(run_several):
    found = run_several(text="my card chip and hotel room").stdout
    words = " ".join(found.split())
    for text in ("threshold", "Why money/card", "Why travel/hotel", "needed for 0.250"):
        assert text in words


def test_label_that_is_not_given_and_pooled(run_several):
    words = " ".join(run_several("--label", "money/tax").stdout.split())
    assert "Why not money/tax" in words
    assert "pooled in the Other of" in words
    assert "needed for" not in words


def test_printed_rows_sum_to_the_log_of_the_odds(run_several):
    text = "my card and the chip of my debit card with the pin in my hotel room"
    lines = run_several("--label", "money/card", text=text).stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("word "))
    end = next(i for i, line in enumerate(lines) if line.startswith("log of the odds"))
    values = [
        float(re.search(r"[+-]\d+\.\d\d", line)[0])
        for line in lines[start + 2 : end + 1]
    ]
    assert lines[end - 3].startswith("(other words)")
    assert sum(values[:-1]) == pytest.approx(values[-1], abs=0.07)


def test_text_without_a_label(run_several):
    words = " ".join(run_several(text="qqq zzz").stdout.split())
    assert "The text has no label. " in words


def test_json_is_all_that_is_on_stdout(run):
    data = json.loads(run("--label", "home/garden", "--json").stdout)
    explained = data["labels"][0] if "labels" in data else data
    assert explained["label"] == "home/garden"
    words = [word["text"] for word in explained["words"]]
    assert words == ["my", "card", "and", "hotel", "room"]


def test_page_is_written(run, tmp_path):
    path = tmp_path / "words.html"
    assert run("--output", str(path)).exit_code == 0
    assert "<mark" in path.read_text(encoding="utf8")


def test_errors_are_clear(run):
    assert "[L521]" in run(text=" ").output
    result = run("--label", "nothing")
    assert result.exit_code == 1
    assert "[L522]" in result.output


def test_what_a_kind_of_labels_does_not_have(kind, run):
    """One label can't be several, and several aren't compared."""
    options, code = {
        "exclusive": (["--label", "money/card", "--label", "home/garden"], "[L523]"),
        "multilabel": (["--against", "money/card"], "[L524]"),
    }[kind]
    result = run(*options)
    assert result.exit_code == 1
    assert code in result.output


def test_label_that_was_added_at_run_time(kind_dir, tmp_path):
    nlp = spacy.load(kind_dir / "model")
    config = {"source": nlp.pipe_names[-1]}
    fallback = nlp.add_pipe("zero_shot_fallback", config=config)
    examples = list(Corpus(kind_dir / "dev.spacy")(nlp))
    fallback.initialize(lambda: examples, nlp=nlp)
    fallback.add_label("travel/submarine", description="a submarine under water")
    nlp.to_disk(tmp_path)
    result = run_explain(tmp_path, "a submarine under water")
    words = " ".join(result.stdout.split())
    assert "travel/submarine was added at run time: it is judged by how close" in words
    assert "Why travel/submarine" not in words


def test_help_has_an_example():
    result = CliRunner().invoke(longtail, ["explain", "--help"])
    words = " ".join(result.output.split())
    assert 'explain training/model-best "my card was stolen"' in words
