"""What the README and the pages in docs/ say is so: code runs, links lead somewhere,
commands and names exist, and what is written from the code is current.
"""

import gzip
import re
import runpy
import shlex
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import pytest
import spacy
from spacy.training import Example

from spacy_longtail.vectors.pipeline import make_pipeline_vectors

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
GENERATED = [DOCS / "reference.md", DOCS / "project.md"]
WRITTEN = [page for page in PAGES if page not in GENERATED]
WRITTEN += [ROOT / "CHANGELOG.md"]
# Pages whose code starts with a trained pipeline.
WITH_PIPELINE = ["tune", "report", "explain", "predict"]
WITH_PIPELINE = [DOCS / "commands" / f"{name}.md" for name in WITH_PIPELINE]
WITH_PIPELINE += [DOCS / "serving.md"]
FRENCH = {"pain frais": "boulangerie", "lait entier": "laiterie"}
TEXTS = {
    "bank/card": ["lost my card", "the card is broken", "block the card"],
    "bank/send": ["wire money", "send money to Ann", "a transfer of money"],
    "trip/fly": ["a flight", "book a flight", "my flight was late"],
}


def get_id(page):
    return page.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=get_id)
written_page = pytest.mark.parametrize("page", WRITTEN, ids=get_id)


def read(page):
    return page.read_text(encoding="utf8")


def get_blocks(language, page):
    return re.findall(rf"```{language}\n(.*?)```", read(page), flags=re.DOTALL)


@pytest.fixture
def trained():
    """The names that are there where a page starts with a trained pipeline."""
    nlp = spacy.blank("en")
    nlp.add_pipe("longtail_textcat", config={"min_count": 0})
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {label: 1.0}})
        for label, texts in TEXTS.items()
        for text in texts
    ]
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    return {"nlp": nlp, "examples": examples, "text": "block my card"}


@written_page
def test_python_blocks_run_and_print_what_they_say(page, capsys, request):
    in_use = page in WITH_PIPELINE
    namespace = dict(request.getfixturevalue("trained")) if in_use else {}
    blocks = get_blocks("python", page)
    for block in blocks:
        exec(block, namespace)
    said = re.findall(r"^print\(.*\)  # (.*)$", "\n".join(blocks), flags=re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said


def get_anchors(page):
    """Yield the anchors of a page, as GitHub makes them of headings."""
    text = re.sub(r"```.*?```", "", read(page), flags=re.DOTALL)
    seen = {}
    for title in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        title = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug


@every_page
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", read(page), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)", text)
    for path, anchor in links:
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in set(get_anchors(target)), f"{path}#{anchor}"


def test_every_page_is_in_the_index():
    index = DOCS / "README.md"
    links = re.findall(r"\]\(([^)#]+)\)", read(index))
    assert {(DOCS / link).resolve() for link in links} == {*DOCS.rglob("*.md")} - {
        index
    }


@every_page
def test_no_placeholder_is_left(page):
    assert "<<" not in read(page)


def get_commands(page):
    for block in get_blocks("bash", page):
        yield from (shlex.split(line) for line in block.strip().splitlines())


@written_page
def test_commands_exist_with_their_options_and_files(page):
    reference = read(DOCS / "reference.md").partition("\n## Commands")[2]
    sections = dict(re.findall(r"\n### `([a-z-]+)`(.*?)(?=\n##)", reference, re.DOTALL))
    for words in get_commands(page):
        for word in words:
            if word.startswith(("configs/", "assets/")):
                assert (ROOT / word).exists()
        if words[:4] == ["python", "-m", "spacy", "longtail"]:
            rows = re.findall(r"\n\| `(-[^`]+)`", sections[words[4]])
            used = {word for word in words[5:] if re.match(r"--?[a-z]", word)}
            assert used <= set(", ".join(rows).split(", "))


@written_page
def test_names_exist(page):
    """Registered names, and what can be imported; some only show how names look."""
    entry_points = distribution("spacy-longtail").entry_points
    names = {entry_point.name for entry_point in entry_points}
    names |= {"spacy-longtail.CamelCase.v1", "spacy-longtail.snake_case.v1"}
    assert set(re.findall(r"spacy-longtail\.\w+\.v\d+", read(page))) <= names
    for line in re.findall(r"`(from spacy_longtail[^`]+)`", read(page)):
        exec(line, {})
    for name in re.findall(r"`spacy_longtail\.(\w+\.\w+)`", read(page)):
        package, _, attribute = name.partition(".")
        assert attribute in import_module(f"spacy_longtail.{package}").__all__


def read_sections(text):
    parser = ConfigParser(interpolation=None)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_config_excerpts_are_from_the_config():
    found = 0
    for page in WRITTEN:
        excerpts = re.findall(
            r"excerpt of `(configs/\w+\.cfg)`:\n\n```ini\n(.*?)```",
            read(page),
            re.DOTALL,
        )
        for path, excerpt in excerpts:
            shipped = read_sections(read(ROOT / path))
            for name, section in read_sections(excerpt).items():
                assert section.items() <= shipped[name].items()
                found += 1
    assert found


@pytest.mark.parametrize("name", ["reference", "project"])
def test_generated_page_is_current(name):
    """If this fails: make docs"""
    written = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
    build = {"reference": "build_reference", "project": "build_project_page"}[name]
    assert written[build]() == read(DOCS / f"{name}.md")


def test_docstrings_are_read():
    """Parameters whose type or text has several lines, several names, RAISES."""
    parse = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["parse_docstring"]
    found = parse(
        """Do it.

    Registered as "spacy-longtail.It.v1". And so on.

    Source: A & B (2020),
        "C".

    first, second (Callable[[Doc], Tuple[str, ...]]): What (in brackets): comes
        first.
    RETURNS (float): From 0.0.
    RAISES (ValueError): L101.
    """
    )
    assert found.prose == ["Do it.", "And so on."]
    assert found.source == 'A & B (2020), "C".'
    entry = ("Callable[[Doc], Tuple[str, ...]]", "What (in brackets): comes first.")
    assert found.entries["first"] == found.entries["second"] == entry
    assert found.entries["RETURNS"] == ("float", "From 0.0.")
    assert found.entries["RAISES"] == ("ValueError", "L101.")


def test_help_of_a_setting_comes_before_its_docstring():
    @dataclass
    class Settings:
        """Numbers.

        width (int): Of old.
        depth (int): Levels.
        """

        width: int = field(default=3, metadata={"help": "Of new."})
        depth: int = 2

    describe = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["describe_fields"]
    found = describe(Settings)
    assert found["width"] == ("int", "Of new.", "Of old.")
    assert found["depth"] == ("int", "", "Levels.")


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, DOCS / "quickstart.md"], ids=get_id)
def test_shell_blocks_of_training_run(page, tmp_path):
    block = next(b for b in get_blocks("bash", page) if "spacy train" in b)
    for folder in ("assets", "configs"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for line in block.strip().splitlines():
        assert line.startswith("python ")
        command = [sys.executable, *shlex.split(line)[1:]]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "metrics.json").exists()


@pytest.mark.slow
def test_shell_blocks_in_another_language_run(tmp_path):
    rows = [f"{noun} {i},{label}" for noun, label in FRENCH.items() for i in range(20)]
    text = "\n".join(["text,label", *rows])
    (tmp_path / "produits.csv").write_text(text, encoding="utf8")
    lines = ["2 3", "pain 1 0 1", "lait 0 1 0"]
    vectors = gzip.compress("\n".join(lines).encode("utf8"))
    (tmp_path / "cc.fr.300.vec.gz").write_bytes(vectors)
    lines = ["4 3 2 3 2 7 < >", *(f"{row} {row} 1 0" for row in range(4))]
    (tmp_path / "vectors.floret").write_text("\n".join(lines) + "\n")
    n_run = 0
    for line in "".join(get_blocks("bash", DOCS / "languages.md")).splitlines():
        if line.startswith("python -m spacy"):
            command = [sys.executable, *shlex.split(line)[1:]]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
            n_run += 1
    assert n_run == 5
    config = (tmp_path / "config.cfg").read_text(encoding="utf8")
    assert 'lang = "fr"' in config
    assert make_pipeline_vectors(path=str(tmp_path / "vectors-fr")).width == 3
