import json

import pytest
import spacy
from typer.testing import CliRunner

from spacy_longtail.cli import longtail

NAME = "longtail_textcat_multilabel"


@pytest.fixture
def run(mixed_dir, tmp_path):
    def run(*options, model=None):
        paths = [str(model or mixed_dir / "model"), str(mixed_dir / "dev.spacy")]
        output = ["--output", str(tmp_path / "tuned")]
        return CliRunner().invoke(longtail, ["tune", *paths, *output, *options])

    return run


def get_words(result):
    return " ".join(result.stdout.split())


def test_new_pipeline_is_written_and_scores_are_printed(run, tmp_path):
    result = run()
    assert result.exit_code == 0
    words = get_words(result)
    for text in ("median threshold 0.250", "macro-F1", "labels per document", "ECE"):
        assert text in words
    assert "Labels whose F1 changed most" in words
    pipe = spacy.load(tmp_path / "tuned").get_pipe(NAME)
    assert len(set(pipe.thresholds.values())) > 2
    again = run("--force", model=tmp_path / "tuned")
    assert "[L603]" in again.output


def test_pipeline_that_was_tuned_on_these_documents(run, tmp_path):
    run("--for", "accuracy")
    model = (tmp_path / "tuned").rename(tmp_path / "first")
    words = get_words(run(model=model))
    assert "fitted to these documents, by an earlier tune." in words
    assert "training config" not in words


def test_json_is_all_that_is_on_stdout(run):
    data = json.loads(run("--precision", "0.95", "--json").stdout)
    assert data["kind"] == "longtail_textcat_multilabel"
    assert data["wish"]["precision"] == 0.95
    assert set(data["after"]["thresholds"]) == {row["label"] for row in data["labels"]}
    assert len(data["scores"]["macro_f"]["after"]) == 3


def test_precision_is_summed_up(run):
    words = get_words(run("--precision", "0.9", "--for", "accuracy"))
    assert "of the labels given are right" in words
    assert "of the gold labels are found" in words


def test_thresholds_of_training_are_recognized(run, mixed_nlp, mixed_dev, tmp_path):
    pipe = mixed_nlp.get_pipe(NAME)
    for example in mixed_dev:
        example.predicted = mixed_nlp(example.reference.text)
    pipe.fit_thresholds(mixed_dev)
    mixed_nlp.to_disk(tmp_path / "trained")
    words = get_words(run(model=tmp_path / "trained"))
    assert "'before' is cross-fitted here as well" in words


@pytest.mark.parametrize(
    "options,code", [(["--coverage", "0.9"], "L515"), (["--per-label"], "L517")]
)
def test_error_is_clear_and_nothing_is_written(run, tmp_path, options, code):
    result = run(*options)
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert list(tmp_path.iterdir()) == []
