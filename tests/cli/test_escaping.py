"""What a text, a label or a path says can't steer the terminal it is shown on."""

import json
import re
import warnings

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_longtail.cli.command import command, print_result
from spacy_longtail.presentation import Remark, TextTable, escape

# Sets the title of a window, clears, starts a sequence with one character, goes back,
# turns the direction, ends a line, is no character.
EVIL = "\x1b]0;x\x07\x1b[2J\x9b2J\b\x7f\u202e\u2066\x85\u2028\r\ud800"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800]")
COLOURS = re.compile(r"\x1b\[[\d;]*m")


def find_steering(output):
    return STEERING.findall(COLOURS.sub("", output))


def test_escape():
    assert escape("a\x1b\n\x9b\u202ez") == r"a\u001b\u000a\u009b\u202ez"
    assert escape("a\n\tb", keep="\n\t") == "a\n\tb"
    assert escape("Ä – 日本 🎉 a\u200db") == "Ä – 日本 🎉 a\u200db"
    assert json.loads(f'"{escape(EVIL)}"') == EVIL


class Result:
    def tables(self):
        lines = [Remark(level, EVIL) for level in ("text", "plain")]
        return [TextTable(EVIL, (EVIL, EVIL), [(EVIL, f"a\n{EVIL}")], lines=lines)]

    def remarks(self):
        marks = [(EVIL, EVIL, strength) for strength in (0.0, 0.9, -0.2)]
        levels = ("info", "warn", "good", "text", "plain")
        return [Remark("marked", EVIL, marks), *(Remark(name, EVIL) for name in levels)]

    def to_dict(self):
        return {EVIL: [EVIL]}


@pytest.mark.parametrize("as_json", [False, True])
def test_results(capsys, as_json):
    print_result(Result(), as_json)
    printed = capsys.readouterr().out
    assert not find_steering(printed)
    if as_json:
        assert json.loads(printed) == Result().to_dict()


@pytest.mark.parametrize("error", [ValueError(EVIL), OSError(5, EVIL, EVIL)])
def test_errors_and_warnings(capsys, error, monkeypatch):
    monkeypatch.setattr("spacy_longtail.cli.command.longtail.command", lambda name: id)

    @command("fail")
    def fail():
        # As where nobody records them.
        shown = warnings.formatwarning(EVIL, UserWarning, EVIL, 1, EVIL)
        assert not find_steering(shown)
        raise error

    with pytest.raises(BaseException, match="1"):
        fail()
    printed = capsys.readouterr().err
    assert r"\u001b]0;x" in printed
    assert not find_steering(printed)


@pytest.fixture
def evil_table(tmp_path):
    """Labels, texts and a name with what steers a terminal."""
    evil = EVIL[:-1].replace("\r", "")
    records = [
        {"text": f"{evil} word{i} {i % 3}", "label": f"{evil}{i % 3}/{evil}"}
        for i in range(12)
    ]
    records += [{**records[0], "label": f"{evil}1/{evil}"}, {"text": evil}]
    path = tmp_path / f"{evil[1:]}.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf8")
    return path


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("name", ["convert", "audit"])
def test_commands_on_a_table(run, evil_table, tmp_path, name, options):
    rest = [tmp_path / "out\x1b[2J"] if name == "convert" else []
    result = run(name, evil_table, *rest, *options)
    assert result.exit_code == 0
    assert not find_steering(result.output)


@pytest.mark.parametrize("name", ["convert", "audit", "init-config"])
def test_errors_about_a_table(run, evil_table, tmp_path, name):
    rest = [] if name == "audit" else [tmp_path / "out\x1b[2J"]
    result = run(name, evil_table, *rest, "--text", "none\x9b2J")
    assert result.exit_code == 1
    assert "[L613]" in result.output
    assert not find_steering(result.output)


def test_init_config_to_the_terminal(run, evil_table):
    result = run("init-config", evil_table, "-")
    assert result.exit_code == 0
    assert not find_steering(result.output)


@pytest.fixture
def evil_model(tmp_path):
    """A pipeline whose labels have what steers a terminal, and a corpus."""
    evil = EVIL[:-1]
    nlp = spacy.blank("xx")
    nlp.tokenizer.rules = {}
    nlp.add_pipe("longtail_textcat", config={"min_count": 0})
    docs = DocBin()
    examples = []
    for i in range(30):
        doc = nlp.make_doc(f"word{i % 3} {evil}")
        doc.cats = {f"{evil}{i % 3}": 1.0}
        docs.add(doc)
        examples.append(spacy.training.Example(nlp.make_doc(doc.text), doc))
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    nlp.to_disk(tmp_path / "model\x1b[2J")
    docs.to_disk(tmp_path / "dev.spacy")
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("name", ["explain", "report", "tune"])
def test_commands_on_a_pipeline(run, evil_model, name, options):
    rest = {
        "explain": ["word1 \x1b[2J\x9b \u202e word2"],
        "report": [evil_model / "dev.spacy", "--head", "9", "--mid", "2"],
        "tune": [evil_model / "dev.spacy", "--output", evil_model / "out\x1b[2J"],
    }
    result = run(name, evil_model / "model\x1b[2J", *rest[name], *options)
    assert result.exit_code == 0
    assert not find_steering(result.output)
