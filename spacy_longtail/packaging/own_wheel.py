"""This package as a wheel, from what is installed: no index and no sources are needed,
and what goes along with a pipeline is what the pipeline was tried with.
"""

import csv
import hashlib
import re
from base64 import urlsafe_b64encode
from importlib.metadata import (
    Distribution,
    FileHash,
    PackageNotFoundError,
    PackagePath,
)
from io import StringIO
from pathlib import Path
from typing import Iterator, List, Optional
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ..errors import JobErrors
from .run import run_module

NAME = "spacy-longtail"
PACKAGE = Path(__file__).resolve().parents[1]
# What pip adds to the metadata of a wheel when it installs it.
ADDED = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
# Beside the package.
SOURCES = ("LICENSE", "README.md", "pyproject.toml", "setup.cfg")
# The earliest date of a zip file, so that the same files give the same wheel.
DATE = (1980, 1, 1, 0, 0, 0)


def write_own_wheel(folder: Path, work: Path) -> Path:
    """Write the wheel of this package to a folder: of the installed files, or, if it is
    imported from its sources, built from those.

    work (Path): For what is needed in between.
    RETURNS (Path): The wheel.
    RAISES (ValueError): L740 if building has failed, L741 if the library for that isn't
        installed, L742 if a file isn't what was installed, or nothing is.
    """
    installed = find_installed()
    if installed is not None:
        return rebuild_wheel(installed, folder)
    _copy_sources(work / "sources")
    run_module("build", "--wheel", "--outdir", work, work / "sources")
    built = next(work.glob("*.whl"))
    (folder / built.name).write_bytes(built.read_bytes())
    return folder / built.name


def _copy_sources(folder: Path) -> None:
    """Copy what the wheel is built from. Builders write into the folder of the sources,
    and read what older builds have left there.
    """
    root = PACKAGE.parent
    if not (root / "pyproject.toml").is_file():
        raise ValueError(JobErrors.L742.format(problem=f"{PACKAGE} isn't installed"))
    paths = [path for path in PACKAGE.rglob("*") if "__pycache__" not in path.parts]
    for path in filter(Path.is_file, [*paths, *(root / name for name in SOURCES)]):
        copy = folder / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def find_installed() -> Optional[Distribution]:
    """RETURNS (Optional[Distribution]): That of the package that is imported, None if
    it's imported from its sources.
    """
    try:
        found = Distribution.from_name(NAME)
    except PackageNotFoundError:
        return None
    place = Path(str(found.locate_file(PACKAGE.name))).resolve()
    own = f"{PACKAGE.name}/__init__.py"
    is_own = place == PACKAGE and own in map(str, found.files or [])
    return found if is_own and found.read_text("RECORD") else None


def rebuild_wheel(found: Distribution, folder: Path) -> Path:
    """Write the wheel that a distribution was installed from: the same files, with the
    same bytes, as its record says.

    RETURNS (Path): The wheel.
    RAISES (ValueError): L742.
    """
    files = [file for file in _list_files(found) if _is_part(file)]
    tags = [line[5:] for line in (found.read_text("WHEEL") or "").splitlines()]
    tag = next((x for x in tags if x.endswith("-none-any")), "py3-none-any")
    name = re.sub("[-_.]+", "_", found.metadata["Name"]).lower()
    path = folder / f"{name}-{found.version}-{tag}.whl"
    rows: List[List[str]] = []
    with ZipFile(path, "w", ZIP_DEFLATED) as out:
        for file in sorted(files, key=lambda x: (".dist-info/" in str(x), str(x))):
            data = _read_file(file)
            out.writestr(_make_entry(str(file)), data)
            rows.append([str(file), f"sha256={_get_hash(data)}", str(len(data))])
        info = next(str(x.parent) for x in files if x.name == "METADATA")
        record = StringIO()
        csv.writer(record, lineterminator="\n").writerows(
            [*rows, [f"{info}/RECORD", "", ""]]
        )
        out.writestr(_make_entry(f"{info}/RECORD"), record.getvalue())
    return path


def _list_files(found: Distribution) -> Iterator[PackagePath]:
    """YIELDS (PackagePath): The files of the record. From Python 3.12 on, the library
    leaves out those that are missing.
    """
    lines = (found.read_text("RECORD") or "").splitlines()
    for name, digest, *_ in csv.reader(lines):
        file = PackagePath(name)
        file.hash = FileHash(digest) if digest else None
        file.dist = found
        yield file


def _is_part(file: PackagePath) -> bool:
    is_added = ".dist-info" in file.parts[0] and file.name in ADDED
    return ".." not in file.parts and file.suffix != ".pyc" and not is_added


def _read_file(file: PackagePath) -> bytes:
    path = Path(str(file.locate()))
    try:
        data = path.read_bytes()
    except OSError as error:
        problem = f"{path}: {error.strerror or error}"
        raise ValueError(JobErrors.L742.format(problem=problem)) from error
    if file.hash is None or file.hash.value != _get_hash(data, file.hash.mode):
        problem = f"{path} isn't the file that was installed"
        raise ValueError(JobErrors.L742.format(problem=problem))
    return data


def _get_hash(data: bytes, mode: str = "sha256") -> str:
    digest = hashlib.new(mode, data).digest()
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def _make_entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, DATE)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
