"""A pipeline becomes a wheel that pip installs, plugin included."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import spacy
import srsly
from spacy.cli.package import get_third_party_dependencies
from spacy.cli.train import train
from spacy.tokens import DocBin

from spacy_longtail.packaging.package import read_metadata

ROOT = Path(__file__).resolve().parent.parent
PREDICT = """
import json, sys
import spacy
nlp = spacy.load(sys.argv[1])
rows = [[doc.cats, doc._.longtail] for doc in nlp.pipe(sys.stdin)]
json.dump(rows, sys.stdout)
"""
REBUILD = """
import sys
from pathlib import Path
from zipfile import ZipFile
from spacy_longtail.packaging.own_wheel import write_own_wheel
print(write_own_wheel(Path(sys.argv[1]), Path("none")))
"""
TEXTS = "my screen is black\nwho do i tell about the baby\n\nmail from the ceo?\n"


def run(*command, **settings):
    return subprocess.run(
        list(map(str, command)), check=True, capture_output=True, text=True, **settings
    ).stdout


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """Trained a little, on the helpdesk."""
    folder = tmp_path_factory.mktemp("pipeline")
    nlp = spacy.blank("en")
    for name in ("train", "dev"):
        docs = DocBin()
        for record in srsly.read_jsonl(ROOT / "assets" / "helpdesk" / f"{name}.jsonl"):
            doc = nlp.make_doc(record["text"])
            doc.cats = {record["label"]: 1.0}
            docs.add(doc)
        docs.to_disk(folder / f"{name}.spacy")
    overrides = {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "dev.spacy"),
        "training.max_steps": 20,
        "training.optimizer.learn_rate.total_steps": 20,
        "training.eval_frequency": 10,
    }
    train(ROOT / "configs" / "efficiency.cfg", folder / "out", overrides=overrides)
    return folder / "out" / "model-best"


@pytest.fixture(scope="module")
def packaged(pipeline, tmp_path_factory):
    """A folder with all wheels."""
    folder = tmp_path_factory.mktemp("packaged") / "dist"
    command = [sys.executable, "-m", "spacy", "longtail", "package", pipeline, folder]
    found = json.loads(run(*command, "--name", "helpdesk", "--all", "--json"))
    assert found["name"] == "en_helpdesk" and found["has_all"]
    assert sorted(found["paths"]) == sorted(map(str, folder.iterdir()))
    return folder


def read_packaged(folder, name):
    with ZipFile(next(folder.glob("en_helpdesk-*.whl"))) as files:
        return files.read(f"en_helpdesk/en_helpdesk-0.0.0/{name}").decode("utf8")


def test_requirement_has_a_range_of_versions():
    nlp = spacy.blank("en")
    nlp.add_pipe("longtail_textcat")
    nlp.add_pipe("zero_shot_fallback")
    found = get_third_party_dependencies(nlp.config)
    assert found == ["spacy-longtail>=0.1.0,<0.2.0"]
    page = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf8")
    assert f"`{found[0]}`" in page.partition("## Package it")[2]


@pytest.mark.slow
def test_requirement_is_found(packaged):
    needed = read_metadata(next(packaged.glob("en_helpdesk-*.whl")))
    ranges = [r for r in needed.get_all("Requires-Dist") if "longtail" in r]
    assert ranges == ["spacy-longtail<0.2.0,>=0.1.0"]


@pytest.mark.slow
def test_card_shows_head_mid_and_tail(packaged):
    card = read_packaged(packaged, "README.md")
    for name in ("MACRO", "HEAD", "MID", "TAIL"):
        assert re.search(rf"`LONGTAIL_{name}_F` \| \d+\.\d+", card)


@pytest.mark.slow
def test_wheels_in_an_empty_environment_predict_the_same(pipeline, packaged, tmp_path):
    """Without an index, and without what this machine has set for pip."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
    env = {"cwd": tmp_path, "env": {**kept, "PIP_CONFIG_FILE": os.devnull}}
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--no-index", "--find-links", packaged, "en_helpdesk", **env)

    installed = run(python, "-c", PREDICT, "en_helpdesk", input=TEXTS, **env)
    saved = run(sys.executable, "-c", PREDICT, pipeline, input=TEXTS)
    assert json.loads(installed) == json.loads(saved)
    assert installed == saved

    # What is installed makes the same wheel again, byte for byte in each file.
    built = next(packaged.glob("spacy_longtail-*.whl"))
    again = run(python, "-c", REBUILD, tmp_path, **env).strip()
    assert Path(again).name == built.name
    with ZipFile(built) as first, ZipFile(again) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
        for name in first.namelist():
            if not name.endswith("/RECORD"):
                assert first.read(name) == second.read(name)
