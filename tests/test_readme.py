"""The code in the README and in docs/ runs."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf8")


PAGES = sorted((ROOT / "docs").glob("*.md"))


def get_blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run_blocks(text):
    namespace = {}
    for block in get_blocks("python", text):
        exec(block, namespace)


def test_python_blocks_run_one_after_another(capsys):
    run_blocks(README)
    assert capsys.readouterr().out == "bank/card\ntrip/car_hire\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_of_the_pages_run(page):
    run_blocks(page.read_text(encoding="utf8"))


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda p: p.name)
def test_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf8"))
    assert all((page.parent / link).exists() for link in links)


def test_quickstart_has_at_most_12_lines():
    assert len(get_blocks("python")[0].strip().splitlines()) <= 12


def read_sections(text):
    parser = ConfigParser(interpolation=None)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_config_excerpt_is_from_the_config():
    config = (ROOT / "configs" / "efficiency.cfg").read_text(encoding="utf8")
    shipped = read_sections(config)
    for name, section in read_sections(get_blocks("ini")[0]).items():
        assert section.items() <= shipped[name].items()


def test_no_placeholder_is_left():
    assert "<<" not in README


@pytest.mark.slow
def test_shell_blocks_of_training_run(tmp_path):
    block = next(b for b in get_blocks("bash") if "spacy train" in b)
    for folder in ("assets", "configs", "scripts"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for line in block.strip().splitlines():
        command = [sys.executable, *line.split()[1:]]
        assert line.startswith("python ")
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "metrics.json").exists()


def test_section_on_the_project_is_current(tmp_path):
    """If this fails: python -m spacy project document --no-emoji --output README.md"""
    target = tmp_path / "README.md"
    target.write_text(README, encoding="utf8")
    command = [sys.executable, "-m", "spacy", "project", "document", str(ROOT)]
    command += ["--no-emoji", "--output", str(target)]
    subprocess.run(command, check=True, capture_output=True)
    assert target.read_text(encoding="utf8").strip() == README.strip()
