import shlex
from importlib.metadata import metadata

import pytest
import spacy
from spacy.cli._util import app
from thinc.api import Config
from typer.testing import CliRunner


def run_printed(result):
    """Run the commands that are among the lines of an output."""
    lines = [x for x in result.stdout.splitlines() if x.startswith("python -m spacy ")]
    for line in lines:
        done = CliRunner().invoke(app, shlex.split(line)[3:])
        assert done.exit_code == 0, done.output
    return lines


@pytest.fixture
def odd_table(tmp_path, monkeypatch):
    """Whose name, columns and labels need quotes and options."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "it's a long way" / "my train.csv"
    path.parent.mkdir()
    rows = [f"topic {i % 3} question {i},a > b{i % 3}" for i in range(40)]
    path.write_text("\n".join(["body,my label", *rows]) + "\n", encoding="utf8")
    return path


def test_commands_it_prints_work(run, odd_table, tmp_path):
    config = odd_table.with_suffix(".cfg")
    options = ["--text", "body", "--label", "my label", "--separator", " > "]
    result = run("init-config", odd_table, config, *options)
    assert len(run_printed(result)) == 2
    nlp = spacy.load(tmp_path / "training" / "model-best")
    assert nlp("topic 1 question")._.longtail.path == ("a", "a > b1")


@pytest.mark.parametrize("corpus", ["corpus", "corpus/train.spacy"])
def test_command_finds_the_dev_corpus(run, table, tmp_path, corpus):
    run("convert", table, tmp_path / "corpus")
    result = run("init-config", tmp_path / corpus, tmp_path / "c.cfg")
    words = [word for word in result.stdout.split() if word.endswith(".spacy")]
    assert words == [f"{tmp_path}/corpus/{name}.spacy" for name in ("train", "dev")]
    (tmp_path / "corpus" / "dev.spacy").unlink()
    result = run("init-config", tmp_path / corpus, "-F", tmp_path / "c.cfg")
    assert "dev corpus in place of DEV" in " ".join(result.stdout.split())


def test_writes_a_config(run, table, tmp_path):
    path = tmp_path / "new" / "config.cfg"
    result = run("init-config", table, path)
    assert result.exit_code == 0
    assert "python -m spacy train" in result.stdout
    assert Config().from_disk(path, interpolate=False)["training"]["max_steps"] == 100


@pytest.mark.parametrize(
    "optimize, extra", [("cascade", "embeddings"), ("accuracy", "transformers")]
)
def test_says_which_libraries_a_config_needs(run, table, tmp_path, optimize, extra):
    result = run("init-config", table, tmp_path / "c.cfg", "--optimize", optimize)
    line = f"python -m pip install 'spacy-longtail[{extra}]'"
    assert line in result.stdout.splitlines()
    assert extra in metadata("spacy-longtail").get_all("Provides-Extra")
    assert "pip install" not in run("init-config", table, tmp_path / "d.cfg").stdout


def test_never_overwrites_unless_forced(run, table, tmp_path):
    path = tmp_path / "config.cfg"
    path.write_text("mine", encoding="utf8")
    result = run("init-config", table, path)
    assert result.exit_code == 1
    assert "--force" in result.output
    assert path.read_text(encoding="utf8") == "mine"
    assert run("init-config", table, path, "--force").exit_code == 0


def test_prints_to_the_terminal(run, table):
    result = run("init-config", table, "-")
    assert Config().from_str(result.stdout, interpolate=False)["training"]


def test_unknown_kind(run, table, tmp_path):
    result = run("init-config", table, tmp_path / "c.cfg", "--optimize", "speed")
    assert result.exit_code == 1
    assert "[L650]" in result.output
    assert not (tmp_path / "c.cfg").exists()


def test_a_config_that_cannot_be_written(run, table):
    result = run("init-config", table, table / "config.cfg")
    assert result.exit_code == 1
    assert "[L625]" in result.output
