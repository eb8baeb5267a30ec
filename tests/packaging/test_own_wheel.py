"""The wheel of what is installed."""

import csv
import shutil
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import Distribution, distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

from spacy_longtail.packaging.own_wheel import rebuild_wheel


@pytest.fixture
def installed(tmp_path):
    """A copy of an installed package, with what pip and Python have added."""
    found, site = distribution("wasabi"), tmp_path / "site"
    for file in found.files:
        if ".." not in file.parts and Path(file.locate()).exists():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), site / file)
    return Distribution.at(next(site.glob("*.dist-info")))


def test_has_what_was_installed_and_says_so(installed, tmp_path):
    path = rebuild_wheel(installed, tmp_path)
    assert path.name == f"wasabi-{installed.version}-py3-none-any.whl"
    with ZipFile(path) as files:
        names = files.namelist()
        record = next(name for name in names if name.endswith("/RECORD"))
        rows = list(csv.reader(files.read(record).decode("utf8").splitlines()))
        assert sorted(row[0] for row in rows) == sorted(names)
        for name, said, size in rows:
            if name != record:
                data = files.read(name)
                digest = urlsafe_b64encode(sha256(data).digest()).decode().rstrip("=")
                assert (said, size) == (f"sha256={digest}", str(len(data)))
                assert data == Path(installed.locate_file(name)).read_bytes()
    assert not any(n.endswith((".pyc", "INSTALLER", "direct_url.json")) for n in names)
    assert {"wasabi/__init__.py", "wasabi/printer.py"} <= set(names)


def test_same_files_give_the_same_wheel(installed, tmp_path):
    first = rebuild_wheel(installed, tmp_path).read_bytes()
    assert rebuild_wheel(installed, tmp_path).read_bytes() == first


def test_what_is_not_as_it_was_installed_is_refused(installed, tmp_path):
    file = Path(installed.locate_file("wasabi/printer.py"))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"\[L742\].*printer.py isn't the file"):
        rebuild_wheel(installed, tmp_path)
    file.unlink()
    with pytest.raises(ValueError, match=r"\[L742\].*printer.py: No such file"):
        rebuild_wheel(installed, tmp_path)
