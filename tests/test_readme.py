"""The code in the README runs."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf8")


def get_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_python_blocks_run_one_after_another(capsys):
    namespace = {}
    for block in get_blocks("python"):
        exec(block, namespace)
    assert capsys.readouterr().out == "banking/lost_card\n"


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
