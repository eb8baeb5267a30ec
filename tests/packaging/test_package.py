import os
from importlib.metadata import PackageNotFoundError

import pytest
import spacy

from spacy_longtail.packaging import package_pipeline, run
from spacy_longtail.packaging.package import Packaged
from spacy_longtail.packaging.run import run_module


def test_what_a_command_says_is_kept_and_told_if_it_fails():
    assert run_module("calendar", "2026").strip().startswith("2026")
    with pytest.raises(ValueError, match=r"(?s)\[L740\].*json.tool none.*No such file"):
        run_module("json.tool", "none")


def test_library_that_builds_is_named(tickets_dir, tmp_path, monkeypatch):
    def find(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(run, "version", find)
    with pytest.raises(ValueError, match=r"\[L741\].*pip install build"):
        package_pipeline(str(tickets_dir / "model"), tmp_path / "dist")
    assert os.listdir(tmp_path) == []


def test_pipeline_of_others_needs_nothing_of_ours(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "model")
    with pytest.raises(ValueError, match=r"\[L743\].*only \[\]"):
        package_pipeline(str(tmp_path / "model"), tmp_path / "dist")
    assert os.listdir(tmp_path) == ["model"]


def test_damaged_pipeline_is_not_packaged(tickets_nlp, tmp_path):
    tickets_nlp.to_disk(tmp_path / "model")
    path = tmp_path / "model" / "longtail_textcat" / "model"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"\[L360\]"):
        package_pipeline(str(tmp_path / "model"), tmp_path / "dist")
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.slow
def test_what_spacy_refuses_leaves_nothing(tickets_dir, tmp_path):
    with pytest.raises(ValueError, match=r"(?s)\[L740\].*not a valid module"):
        package_pipeline(str(tickets_dir / "model"), tmp_path / "dist", name="a b")
    assert os.listdir(tmp_path) == []


def test_the_line_that_installs_can_be_typed(tmp_path):
    paths = ["my wheels/en_x-1.0-py3-none-any.whl"]
    *_, last = Packaged("en_x", "1.0", [], paths, [1], True).remarks()
    assert last.text.endswith("--find-links 'my wheels' en_x")
