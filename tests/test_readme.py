"""The README is short and complete. That what it says works is in test_docs.py."""

import re
from pathlib import Path

from spacy_longtail.cli import longtail

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf8")
COMMANDS = [command.name for command in longtail.registered_commands]


def get_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_readme_can_be_read_in_five_minutes():
    assert len(README.splitlines()) <= 250
    assert len(README.split()) <= 2000


def test_quickstart_has_at_most_12_lines():
    block = get_blocks("python")[0]
    assert len(block.strip().splitlines()) <= 12


def test_training_takes_four_commands():
    (block,) = (block for block in get_blocks("bash") if "spacy train" in block)
    assert len(block.strip().splitlines()) == 4


def test_every_command_has_a_row():
    for command in COMMANDS:
        assert f"| [`{command}`](docs/commands/{command}.md) |" in README


def test_rooms_of_the_package_are_named():
    table = README.partition("## What's where")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)/`", table))
    package = ROOT / "spacy_longtail"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    assert rooms <= named
    for module in re.findall(r"`(\w+\.py)`", table):
        assert (package / module).exists()
