import json

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_longtail.cli import longtail
from spacy_longtail.evaluation.pipes import find_pipe


@pytest.fixture
def run(kind_dir, tmp_path):
    def run(*options, model=None, corpus=None):
        paths = [model or kind_dir / "model", corpus or kind_dir / "dev.spacy"]
        output = ["--output", str(tmp_path / "tuned")]
        arguments = ["tune", *map(str, paths), *output, *options]
        return CliRunner().invoke(longtail, arguments)

    return run


def get_words(result):
    return " ".join(result.output.split())


def test_new_pipeline_is_written_and_scores_are_printed(run, tmp_path, kind):
    result = run("--for", "calibration")
    assert result.exit_code == 0
    words = get_words(result)
    for text in ("temperature", "macro-F1", "ECE", "Saved the tuned pipeline"):
        assert text in words
    title = "Labels whose F1 changed most"
    assert (title in words) == (kind == "multilabel")
    assert len(spacy.load(tmp_path / "tuned").pipe_names) == 1
    assert "[L604]" in run().output
    assert "[L603]" in run("--force", model=tmp_path / "tuned").output


def test_output_is_replaced_only_with_force(run, tmp_path):
    run("--prior", "train", "--even-if-worse")
    before = spacy.load(tmp_path / "tuned")
    assert run("--prior", "0.25", "--force", "--even-if-worse").exit_code == 0
    after = spacy.load(tmp_path / "tuned")
    name = find_pipe(after)
    assert (before.get_pipe(name).prior, after.get_pipe(name).prior) == ("train", 0.25)


def test_pipeline_that_was_tuned_on_these_documents(run, tmp_path, kind):
    text = {
        "exclusive": "looks better than it is: it isn't cross-fitted.",
        "multilabel": "fitted to these documents, by an earlier tune.",
    }[kind]
    options = "--prior", "train", "--even-if-worse"
    assert text not in get_words(run(*options))
    model = (tmp_path / "tuned").rename(tmp_path / "first")
    assert text in get_words(run(*options, model=model))


def test_what_is_worse_is_not_saved(tickets_dir, tmp_path):
    nlp, harder = spacy.blank("xx"), DocBin()
    for doc in DocBin().from_disk(tickets_dir / "dev.spacy").get_docs(nlp.vocab):
        # One word less of its label, so that the prior counts.
        less = nlp.make_doc(" ".join([doc[1].text, doc[3:].text]))
        less.cats = doc.cats
        harder.add(less)
    harder.to_disk(tmp_path / "dev.spacy")
    paths = [tickets_dir / "model", tmp_path / "dev.spacy", "-o", tmp_path / "tuned"]
    options = [*map(str, paths), "--prior", "train"]
    words = get_words(CliRunner().invoke(longtail, ["tune", *options]))
    assert "worse beyond noise, so the pipeline keeps those before" in words
    assert "Saved the pipeline as it was" in words
    assert spacy.load(tmp_path / "tuned").get_pipe("longtail_textcat").prior != "train"


def test_a_wish_that_is_not_reached(run):
    words = get_words(run("--precision", "1.0"))
    assert "The wished 100% are not reached" in words
    assert "The wished 50% are reached" in get_words(run("--precision", "0.5", "-f"))


def test_json_is_all_that_is_on_stdout(run, kind):
    data = json.loads(run("--precision", "0.95", "--per-label", "--json").stdout)
    names = {"exclusive": "precision", "multilabel": "micro_p"}
    assert data["wish"]["precision"] == 0.95
    assert len(data["after"]["thresholds"]) > 1
    assert data["before"]["thresholds"] == {}
    before, after = (data["scores"][names[kind]][key][0] for key in ("before", "after"))
    assert after > before
    extra = {
        "exclusive": {"kept", "priors", "is_seen"},
        "multilabel": {"labels", "later", "refit_as", "n_gold"},
    }
    shared = {"kind", "wish", "before", "after", "scores", "n_docs", "n_ignored"}
    shared |= {"performance", "is_applied", "is_reached", "is_worse", "n_trained"}
    assert set(data) == shared | extra[kind]


def test_wish_is_summed_up(run):
    assert "are right" in get_words(run("--precision", "0.9", "--prior", "train"))


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


def test_coverage_is_a_wish_where_each_document_has_a_label(run, kind):
    result = run("--coverage", "0.8")
    expected = {"exclusive": "of the documents get a label", "multilabel": "[L515]"}
    assert expected[kind] in get_words(result)


def test_pipeline_with_a_fallback(run, kind, kind_nlp, kind_dev, tmp_path):
    config = {"source": find_pipe(kind_nlp)}
    fallback = kind_nlp.add_pipe("zero_shot_fallback", config=config)
    fallback.initialize(lambda: kind_dev, nlp=kind_nlp)
    kind_nlp.to_disk(tmp_path / "both")
    text = {
        "exclusive": "fallback route_threshold",
        "multilabel": "fitted to what zero_shot_fallback makes of",
    }[kind]
    assert text in get_words(run("--precision", "0.9", model=tmp_path / "both"))


def test_help_has_an_example():
    result = CliRunner().invoke(longtail, ["tune", "--help"])
    assert "python -m spacy longtail tune training/model-best" in get_words(result)
