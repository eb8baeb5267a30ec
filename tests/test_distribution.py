"""What is published: the wheel and the source distribution have all files that they
need, and no other.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from configparser import ConfigParser
from email import message_from_bytes
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
INFO = "spacy_longtail-{}.dist-info"
# Beside the package itself.
ADDED = ["METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt"]
IN_SDIST = ["CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md"]
IN_SDIST += ["pyproject.toml", "setup.cfg"]
LICENCES = ["en-minilm-256/LICENSE-APACHE-2.0.txt", "en-minilm-256/NOTICE.txt"]
LICENCES += [f"en-minilm-wordnet-256/{x[14:]}" for x in LICENCES]
LICENCES += ["en-minilm-wordnet-256/LICENSE-WORDNET-3.0.txt"]
LICENCES = ["LICENSE", *(f"spacy_longtail/vectors/data/{x}" for x in LICENCES)]


def read_config():
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf8")
    return config


def list_tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("which files are tracked isn't known")
    command = ["git", "ls-files", "-z"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return [name for name in found.stdout.split("\0") if (ROOT / name).is_file()]


def build(source, out, *options):
    """Build what is tracked, as it is now, beside what an older build has left."""
    for name in list_tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    stale = source / "spacy_longtail" / "__pycache__" / "old.cpython-311.pyc"
    stale.parent.mkdir()
    stale.touch()
    command = [sys.executable, "-m", "build", "--quiet", "--outdir", out, *options]
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([*command, source], check=True, capture_output=True, env=env)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with a wheel and a source distribution."""
    folder = tmp_path_factory.mktemp("built")
    build(folder / "source", folder / "dist")
    return folder / "dist"


def list_package():
    tracked = [name for name in list_tracked() if name.startswith("spacy_longtail/")]
    # What is for those who work on it, not with it.
    return [name for name in tracked if not name.endswith((".gitattributes", ".md"))]


@pytest.mark.slow
def test_wheel_has_the_package_and_its_licences_only(built):
    (wheel,) = built.glob("*.whl")
    with ZipFile(wheel) as files:
        names = files.namelist()
        info = INFO.format(wheel.name.split("-")[1])
        meta = message_from_bytes(files.read(f"{info}/METADATA"))
    added = [*ADDED, *(f"licenses/{name}" for name in LICENCES)]
    expected = [*list_package(), *(f"{info}/{name}" for name in added)]
    assert sorted(names) == sorted(expected)
    assert meta["License-Expression"] == "MIT AND Apache-2.0 AND LicenseRef-WordNet-3.0"
    assert sorted(meta.get_all("License-File")) == sorted(LICENCES)


@pytest.mark.slow
def test_source_distribution_has_what_the_wheel_is_built_from(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as files:
        names = [x.name.partition("/")[2] for x in files.getmembers() if x.isfile()]
    names = [name for name in names if ".egg-info/" not in name]
    assert sorted(names) == sorted([*list_package(), *IN_SDIST])


@pytest.mark.slow
def test_same_files_give_the_same_wheel(built, tmp_path):
    build(tmp_path / "source", tmp_path / "dist", "--wheel")
    (first,), (second,) = (x.glob("*.whl") for x in (built, tmp_path / "dist"))
    assert first.read_bytes() == second.read_bytes()


def list_requirements():
    config = read_config()
    sections = {"": config["options"]["install_requires"]}
    sections.update(config["options.extras_require"])
    lines = [
        (extra, line)
        for extra, text in sections.items()
        for line in text.strip().splitlines()
        if not line.startswith("#")
    ]
    return [(extra, Requirement(line)) for extra, line in lines]


@pytest.mark.parametrize("extra, needed", list_requirements(), ids=str)
def test_requirement_has_both_bounds(extra, needed):
    bounds = {bound.operator for bound in needed.specifier}
    assert bounds == {">=", "<"}


def test_oldest_versions_that_are_tested_are_the_lower_bounds():
    """Of what is needed always, and by the extras that run without torch."""
    pages = (ROOT / "constraints-floor.txt").read_text(encoding="utf8").splitlines()
    pinned = dict(line.split("==") for line in pages if "==" in line)
    for extra, needed in list_requirements():
        if extra in ("", "files", "report"):
            (least,) = (b.version for b in needed.specifier if b.operator == ">=")
            found = pinned[needed.name].split(".")
            parts = least.split(".")
            assert found[: len(parts)] == parts, needed


def test_version_of_the_changelog_is_that_of_the_package():
    """The newest version with a heading of its own."""
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    titles = [line[3:] for line in log.splitlines() if line.startswith("## ")]
    newest = next(title for title in titles if title != "Unreleased")
    assert newest.split()[0] == read_config()["metadata"]["version"]
    assert version("spacy-longtail") == newest.split()[0]
