"""A pipeline becomes a wheel that pip installs, plugin included."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli.package import get_third_party_dependencies
from spacy.cli.train import train
from spacy.tokens import DocBin

ROOT = Path(__file__).resolve().parent.parent
PREDICT = """
import json, sys
import spacy
nlp = spacy.load(sys.argv[1])
rows = [[doc.cats, doc._.longtail] for doc in nlp.pipe(sys.stdin)]
json.dump(rows, sys.stdout)
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
    folder = tmp_path_factory.mktemp("packaged")
    command = [sys.executable, "-m", "spacy", "package", pipeline, folder]
    run(*command, "--name", "helpdesk", "--build", "wheel")
    return folder / "en_helpdesk-0.0.0"


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
    meta = srsly.read_json(packaged / "meta.json")
    assert [r for r in meta["requirements"] if r.startswith("spacy-longtail")]


@pytest.mark.slow
def test_card_shows_head_mid_and_tail(packaged):
    card = (packaged / "README.md").read_text(encoding="utf8")
    for name in ("MACRO", "HEAD", "MID", "TAIL"):
        assert re.search(rf"`LONGTAIL_{name}_F` \| \d+\.\d+", card)


@pytest.mark.slow
def test_wheel_in_an_empty_environment_predicts_the_same(pipeline, packaged, tmp_path):
    build = tmp_path / "source"
    ignored = (".git", ".venv*", "build", "dist", "*.egg-info", "corpus", "training")
    shutil.copytree(ROOT, build, ignore=shutil.ignore_patterns(*ignored))
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", build)
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    wheel = next((packaged / "dist").glob("*.whl"))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--find-links", tmp_path / "dist", wheel)

    installed = run(python, "-c", PREDICT, "en_helpdesk", cwd=tmp_path, input=TEXTS)
    saved = run(sys.executable, "-c", PREDICT, pipeline, input=TEXTS)
    assert json.loads(installed) == json.loads(saved)
    assert installed == saved
