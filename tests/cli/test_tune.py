import json

import pytest
import spacy
from typer.testing import CliRunner

from spacy_longtail.cli import longtail


@pytest.fixture
def run(tickets_dir, tmp_path):
    def run(*options, model=None, corpus=None):
        arguments = [
            "tune",
            str(model or tickets_dir / "model"),
            str(corpus or tickets_dir / "dev.spacy"),
            "--output",
            str(tmp_path / "tuned"),
        ]
        return CliRunner().invoke(longtail, [*arguments, *options])

    return run


def test_new_pipeline_is_written_and_scores_are_printed(run, tmp_path):
    result = run("--for", "calibration")
    assert result.exit_code == 0
    assert "temperature" in result.stdout
    assert "ECE" in result.stdout
    assert "Saved the tuned pipeline" in result.stdout
    assert spacy.load(tmp_path / "tuned").pipe_names == ["longtail_textcat"]


def test_pipeline_that_was_tuned_on_these_documents(run, tmp_path):
    assert "looks better than it is" not in " ".join(run().stdout.split())
    model = (tmp_path / "tuned").rename(tmp_path / "first")
    result = run("--for", "accuracy", model=model)
    assert "looks better than it is" in " ".join(result.stdout.split())


def test_json_is_all_that_is_on_stdout(run):
    result = run("--precision", "0.95", "--per-label", "--json")
    data = json.loads(result.stdout)
    assert data["kind"] == "longtail_textcat"
    assert data["wish"]["precision"] == 0.95
    assert data["after"]["thresholds"][""] > 0
    assert data["scores"]["precision"]["after"][0] > 0.9


def test_abstention_is_summed_up(run):
    result = run("--coverage", "0.8")
    assert "of the documents get a label" in result.stdout
    assert "coverage" in result.stdout


@pytest.mark.parametrize("prior", ["train", "0.25"])
def test_prior_can_be_given(run, prior, tmp_path):
    assert run("--prior", prior).exit_code == 0
    pipe = spacy.load(tmp_path / "tuned").get_pipe("longtail_textcat")
    assert str(pipe.prior) == prior


@pytest.mark.parametrize(
    "options,code",
    [
        (["--for", "speed"], "L511"),
        (["--prior", "flat"], "L306"),
        (["--precision", "2"], "L512"),
        (["--per-label"], "L517"),
        (["--pipe", "other"], "L518"),
    ],
)
def test_error_is_clear_and_nothing_is_written(run, tmp_path, options, code):
    result = run(*options)
    assert result.exit_code == 1
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_missing_files(run, tmp_path):
    assert "[L601]" in run(model=tmp_path / "nothing").output
    assert "[L602]" in run(corpus=tmp_path / "nothing.spacy").output


def test_output_is_replaced_only_with_force(run):
    assert run().exit_code == 0
    assert "[L604]" in run().output
    assert run("--force").exit_code == 0


def test_help_has_an_example():
    result = CliRunner().invoke(longtail, ["tune", "--help"])
    words = " ".join(result.output.split())
    assert "python -m spacy longtail tune training/model-best" in words


def test_pipeline_with_a_fallback(run, tickets_nlp, tickets_dev, tmp_path):
    tickets_nlp.add_pipe("zero_shot_fallback")
    fallback = tickets_nlp.get_pipe("zero_shot_fallback")
    fallback.initialize(lambda: tickets_dev, nlp=tickets_nlp)
    tickets_nlp.to_disk(tmp_path / "both")
    result = run("--coverage", "0.9", model=tmp_path / "both")
    assert result.exit_code == 0
    assert "fallback route_threshold" in result.stdout
