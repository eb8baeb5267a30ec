"""A pipeline and all that it needs, as wheels in one folder."""

from dataclasses import asdict, dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from shlex import quote
from typing import Any, Dict, List, Optional
from zipfile import ZipFile

from spacy.util import make_tempdir
from tqdm import tqdm

from ..errors import JobErrors
from ..files import write_folder
from ..loading import check_output, load_pipeline, read_whole
from ..presentation import Remark, TextTable, make_table
from .own_wheel import NAME, write_own_wheel
from .run import check_builder, run_module


@dataclass(frozen=True)
class Packaged:
    """What was written.

    name (str): What pip installs and spacy.load loads, like "en_helpdesk".
    version (str): Its version.
    requirements (List[str]): What it needs.
    paths (List[str]): The wheels: of the pipeline, of this package, of others.
    sizes (List[int]): Bytes of each.
    has_all (bool): Whether everything that it needs is there.
    """

    name: str
    version: str
    requirements: List[str]
    paths: List[str]
    sizes: List[int]
    has_all: bool

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only."""
        return asdict(self)

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): The wheels."""
        rows = [(path, n / 1e6) for path, n in zip(self.paths, self.sizes)]
        return [make_table("", ("Written", "MB"), rows)]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What it needs, and how it's installed."""
        folder = quote(str(Path(self.paths[0]).parent))
        command = f"pip install --no-index --find-links {folder} {self.name}"
        where = "Without an index" + ("" if self.has_all else ", where spaCy is")
        return [
            Remark("info", f"Needs {', '.join(self.requirements)}"),
            Remark("good", f"{where}: {command}"),
        ]


def package_pipeline(
    pipeline: str,
    output_dir: Path,
    *,
    name: Optional[str] = None,
    version: Optional[str] = None,
    code: Optional[str] = None,
    has_all: bool = False,
    force: bool = False,
    progress: bool = False,
) -> Packaged:
    """Package a pipeline as `spacy package` does, and put the wheel of this package
    beside its wheel, so that pip can install both without an index.

    The pipeline is loaded first, so that one that is damaged isn't packaged.

    pipeline (str): Folder or package.
    output_dir (Path): Where to write. It's made if it isn't there; of what is there,
        only files of the same name are replaced.
    name, version (Optional[str]): Of the package, by default those in the meta.json.
    code (Optional[str]): Paths of Python files to put in, with commas between them.
    has_all (bool): Add the wheels of all others that it needs, for this version of
        Python and this system. They come from where pip gets packages.
    force (bool): Write to a folder in which something is.
    progress (bool): Whether to show a progress bar, on stderr.
    RETURNS (Packaged): What was written.
    RAISES (ValueError): L740 if one of the commands behind it has failed, L741 if the
        library that builds packages isn't installed, L742 if this package isn't as it
        was installed, L743 if the pipeline has nothing of it. Else see load_pipeline,
        check_output and write_together.
    """
    output_dir = Path(output_dir)
    is_empty = output_dir.is_dir() and not any(output_dir.iterdir())
    before = check_output(output_dir, force=force or is_empty, source=pipeline)
    check_builder()
    source = _find_source(pipeline)
    chosen = {"--name": name, "--version": version, "--code": code}
    more = [word for pair in chosen.items() if pair[1] for word in pair]
    steps = ["pipeline", NAME, *(["everything else"] if has_all else [])]
    bar = tqdm(steps, disable=None if progress else True, leave=False, desc="Packaging")
    with (
        bar,
        write_folder(output_dir, before=before) as new,
        make_tempdir() as work,
        read_whole(source),
    ):
        steps_left = iter(bar)
        next(steps_left)
        run_module("spacy", "package", source, work, "--build", "wheel", *more)
        wheel = _copy(next(work.glob("*/dist/*.whl")), new)
        next(steps_left)
        wheels = [wheel, write_own_wheel(new, work)]
        if has_all:
            next(steps_left)
            wheels += _add_others(wheel, work / "others")
        sizes = [path.stat().st_size for path in wheels]
        meta = read_metadata(wheel)
    needed = meta.get_all("Requires-Dist") or []
    paths = [str(output_dir / path.name) for path in wheels]
    # The name that is imported; that of the metadata has hyphens.
    shown = wheel.name.partition("-")[0]
    return Packaged(shown, meta["Version"], needed, paths, sizes, has_all)


def _find_source(pipeline: str) -> Path:
    """RETURNS (Path): The folder of a pipeline that can be loaded.

    RAISES (ValueError): L743 if nothing in it is of this package.
    """
    from spacy.cli.package import get_third_party_dependencies

    nlp = load_pipeline(pipeline)
    needed = [*nlp.meta.get("requirements", ())]
    needed += get_third_party_dependencies(nlp.config)
    if not any(requirement.startswith(NAME) for requirement in needed):
        text = JobErrors.L743.format(pipeline=pipeline, pipes=nlp.pipe_names)
        raise ValueError(text)
    return Path(str(nlp.path))


def read_metadata(wheel: Path) -> Message:
    """RETURNS (Message): The metadata of a wheel."""
    with ZipFile(wheel) as files:
        name = next(x for x in files.namelist() if x.endswith(".dist-info/METADATA"))
        return message_from_bytes(files.read(name))


def _add_others(wheel: Path, work: Path) -> List[Path]:
    """Put the wheels of all that a wheel needs beside it."""
    words = ["--quiet", "--wheel-dir", work, "--find-links", wheel.parent, wheel]
    run_module("pip", "wheel", "--disable-pip-version-check", *words)
    known = {path.name for path in wheel.parent.iterdir()}
    found = [path for path in sorted(work.glob("*.whl")) if path.name not in known]
    return [_copy(path, wheel.parent) for path in found]


def _copy(path: Path, folder: Path) -> Path:
    """Copy a file, however large, to a folder."""
    with path.open("rb") as file_, (folder / path.name).open("wb") as out:
        for part in iter(lambda: file_.read(1 << 20), b""):
            out.write(part)
    return folder / path.name
