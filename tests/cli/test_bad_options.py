"""What is wrong with an option or a path ends with a coded error and the status 1."""

import os
import re
from pathlib import Path

import pytest
from typer.main import get_command

import spacy_longtail
from spacy_longtail.cli import longtail
from spacy_longtail.errors import Errors, JobErrors

BAD_TABLES = [
    ("none.csv", None),
    ("a.txt", b"x"),
    ("a.csv.gz", b"x"),
    ("a.csv", b""),
    ("a.csv", b"a,\xff\0" * 50),
    ("a.parquet", b"PAR1" + b"x" * 50 + b"PAR1"),
    ("a.xlsx", b"PK\x03\x04" + b"x" * 50),
    ("a.json", b"{"),
    ("a.jsonl", b"[" * 200_000),
    ("a.csv", "text,label\na,b\n".encode("utf-16-le")),
]
OPTIONS = {
    "convert": [
        "--dev 2",
        "--dev nan",
        "--test -0.1",
        "--dev 0.5 --test 0.5",
        "--seed -1",
        "--seed 4294967296",
        "--lang zz",
        "--lang en.stop_words",
        "--lang=",
        "--encoding rot13",
        "--encoding=",
        "--encoding utf-16",
        "--delimiter ||",
        "--delimiter=",
        "--delimiter ;",
        "--separator=",
        "--path-separator=",
        "--list-separator= --labels label",
        "--text body",
        "--text=",
        "--label topic",
        "--label label --label label",
        "--labels=",
        "--labels topics",
        "--label label --labels label",
        "--split-column label",
        "--split-column=",
        "--no-header",
    ],
    "audit": [
        "--dev FOLDER/none",
        "--dev FOLDER",
        "--output FOLDER/tickets.csv/x.html",
        "--encoding rot13",
        "--delimiter ||",
        "--separator=",
        "--text body",
        "--labels topics",
    ],
    "init-config": [
        "--optimize speed",
        "--optimize=",
        "--encoding rot13",
        "--delimiter ||",
        "--separator=",
        "--label topic",
    ],
    "report": [
        "--head 1",
        "--mid 0",
        "--head 5 --mid 9",
        "--seed -1",
        "--seed 4294967296",
        "--pipe none",
        "--pipe=",
        "--gpu-id 99",
        "--gpu-id -7",
        "--against none",
        "--against FOLDER/tickets.csv --text body",
        "--baseline",
        "--train FOLDER/none.spacy",
        "--baseline --train FOLDER/none.spacy",
    ],
    "tune": [
        "--for speed",
        "--prior 2",
        "--prior nan",
        "--prior much",
        "--precision 0",
        "--precision nan",
        "--coverage 1.5",
        "--precision 0.9 --coverage 0.9",
        "--per-label",
        "--folds 1",
        "--folds -3",
        "--seed -1",
        "--pipe none",
        "--gpu-id 99",
        "--gpu-id -7",
    ],
    "predict": [
        "--text body",
        "--text=",
        "--text text --text text",
        "--top -1",
        "--pipe none",
        "--prefix= --text label",
        "--n-process 0",
        "--shard-size 0",
        "--format csv",
        "--format doc",
        "--encoding rot13",
        "--delimiter ||",
        "--no-header",
        "--gpu-id 99",
        "--gpu-id -7",
        "-o FOLDER/tickets.csv",
        "-o FOLDER/tickets.csv --force",
        "-o FOLDER/tickets.csv/x.csv",
        "-o FOLDER/new.doc",
        "-o FOLDER/new --format xlsx",
        "-o FOLDER/new --format doc",
        "-o - --json",
    ],
    "explain": ["--label none", "--label=", "--against none", "--pipe none"],
    "distill": [
        "--width 0",
        "--min-freq 0",
        "--lang zz",
        "--vocab FOLDER",
        "--vocab FOLDER/none",
        "--corpus FOLDER/none.csv",
        "--corpus FOLDER/tickets.csv --text body",
        "--corpus FOLDER/tickets.csv --encoding rot13",
        "--corpus FOLDER/tickets.csv --delimiter ||",
    ],
}


@pytest.fixture
def fail(run, table, tickets_dir, tmp_path):
    """Run a command that has to fail, and return its error."""
    model, dev, new = tickets_dir / "model", tickets_dir / "dev.spacy", tmp_path / "new"
    usual = {
        "convert": [table, new],
        "audit": [table],
        "init-config": [table, new],
        "report": [model, dev],
        "tune": [model, dev, "--output", new],
        "explain": [model, "my card"],
        "distill": [model, new],
        "predict": [model, table, "--output", tmp_path / "new.jsonl"],
    }

    def run_to_fail(name, *options, arguments=None):
        result = run(name, *(arguments or usual[name]), *options)
        assert result.exit_code == 1
        # An error of another kind would be there.
        assert isinstance(result.exception, SystemExit)
        assert not new.exists()
        found = re.search(r"\[([LE]\d+)\]", result.output)
        assert found, result.output
        return found[1]

    return run_to_fail


@pytest.mark.parametrize(
    "name, options", [(name, each) for name, found in OPTIONS.items() for each in found]
)
def test_bad_option(fail, tmp_path, name, options):
    fail(name, *options.replace("FOLDER", str(tmp_path)).split())


@pytest.mark.parametrize("name", ["convert", "audit", "predict"])
@pytest.mark.parametrize("file_name, data", BAD_TABLES)
def test_bad_table(fail, tickets_dir, tmp_path, name, file_name, data):
    path = tmp_path / file_name
    if data is not None:
        path.write_bytes(data)
    rest = {"audit": [], "convert": [tmp_path / "new"]}
    rest["predict"] = ["--output", tmp_path / "new"]
    model = [tickets_dir / "model"] if name == "predict" else []
    assert fail(name, arguments=[*model, path, *rest[name]]).startswith("L6")


@pytest.mark.parametrize("name", ["convert", "audit"])
def test_folder_named_like_a_table(fail, tmp_path, name):
    (tmp_path / "a.csv").mkdir()
    rest = [] if name == "audit" else [tmp_path / "new"]
    assert fail(name, arguments=[tmp_path / "a.csv", *rest]).startswith("L6")


@pytest.mark.parametrize("name", ["report", "tune", "audit"])
@pytest.mark.parametrize("change", ["cut", "flip", "junk", "none"])
def test_damaged_corpus(fail, tickets_dir, tmp_path, name, change):
    path, data = tmp_path / "dev.spacy", (tickets_dir / "dev.spacy").read_bytes()
    data = {
        "cut": data[: len(data) // 2],
        "flip": data[:40] + bytes([data[40] ^ 0xFF]) + data[41:],
        "junk": b"x" * 100,
        "none": None,
    }[change]
    if data is not None:
        path.write_bytes(data)
    rest = ["--output", tmp_path / "new"] if name == "tune" else []
    model = [] if name == "audit" else [tickets_dir / "model"]
    code = fail(name, arguments=[*model, path, *rest])
    assert code in {"L602", "L640", "L641"}


def test_what_the_system_refuses_is_named(fail, table, tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied", "secret")

    monkeypatch.setattr("spacy_longtail.convert.convert_corpus", refuse)
    assert fail("convert") == "L661"


@pytest.mark.parametrize("name", ["convert", "tune", "distill"])
def test_a_folder_takes_the_place_of_no_pipe(
    run, table, tickets_dir, tmp_path, monkeypatch, name
):
    monkeypatch.chdir(tmp_path)
    model, dev = tickets_dir / "model", tickets_dir / "dev.spacy"
    inputs = {"convert": [table], "tune": [model, dev, "-o"], "distill": [model]}[name]
    places = ["-"]
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        places.append("pipe")
    before = sorted(os.listdir())
    for place in places:
        result = run(name, *inputs, place, "--force")
        assert result.exit_code == 1 and "[L625]" in result.output
        assert sorted(os.listdir()) == before


def test_half_a_character_to_explain(fail, tickets_dir):
    assert fail("explain", arguments=[tickets_dir / "model", "card \udc80"]) == "L636"


def get_advice(*rooms):
    """Yield the options that messages of these rooms name, with the message."""
    package = Path(spacy_longtail.__file__).parent
    for room in rooms:
        for path in sorted(package.glob(f"{room}/*.py")) or [package / f"{room}.py"]:
            source = path.read_text(encoding="utf8")
            catalogues = {"Errors": Errors, "JobErrors": JobErrors}
            used = re.findall(r"\b((?:Job)?Errors)\.(L\d+)", source)
            texts = [getattr(catalogues[name], code) for name, code in used]
            # A page has names that look like options.
            for text in texts if room == "report" else [source, *texts]:
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text):
                    yield option, path.name


@pytest.mark.parametrize("name", ["convert", "audit", "init-config"])
def test_no_message_about_a_table_advises_an_option_that_is_not_there(name):
    advised = {option for option, _ in get_advice("tables")}
    assert {"--no-quotes", "--encoding", "--keep-na", "--sheet"} <= advised
    if name != "convert":
        # Only convert reads the column, so that only it can complain.
        advised -= {"--split-column"}
    # It is named with its command, predict.
    advised -= {"--review"}
    assert not advised - get_options(name)


@pytest.mark.parametrize(
    "name, rooms",
    [
        ("convert", ["convert"]),
        ("audit", ["audit"]),
        ("init-config", ["audit", "init_config"]),
        ("report", ["report"]),
        ("tune", ["tuning"]),
        ("explain", ["explain"]),
        ("distill", ["vectors"]),
        ("predict", ["batch"]),
    ],
)
def test_a_command_advises_its_own_options(name, rooms):
    # Those of other commands, which are named with them.
    foreign = {"--paths", "--output", "--name", "--force-reinstall"}
    for option, where in get_advice(*rooms):
        assert option in get_options(name) | foreign, where


def get_options(name):
    command = get_command(longtail).commands[name]
    return {
        option
        for param in command.params
        for option in (*param.opts, *param.secondary_opts)
    }
