"""Changes to the text of a config, which keep its comments."""

import json
import textwrap
from typing import Any, List, NamedTuple


class Setting(NamedTuple):
    """A value that was chosen for a corpus.

    section, key (str): Where it stands in the config.
    value (Any): A JSON value.
    reason (str): Why, a sentence.
    """

    section: str
    key: str
    value: Any
    reason: str


def set_value(text: str, setting: Setting) -> str:
    """Replace a value in the text of a config, with the reason as a comment before it.

    text (str): The config, which has the key.
    setting (Setting): What to set.
    """
    section, lines = "", []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        if section == setting.section and line.split("=")[0].strip() == setting.key:
            lines += make_comment(setting.reason)
            line = f"{setting.key} = {json.dumps(setting.value)}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def drop_component(text: str, name: str, reason: str) -> str:
    """Take a component and its scores out of the text of a config.

    text (str): The config, whose pipeline has the component, not as the only one.
    name (str): Name of the component.
    reason (str): A comment for the pipeline.
    """
    sections = f"components.{name}", f"initialize.components.{name}"
    is_dropped, lines = False, []
    for line in text.splitlines():
        if line.startswith("["):
            is_dropped = line.strip("[]").startswith(sections)
        if is_dropped or line.startswith("longtail_refined_"):
            continue
        if line.startswith("pipeline = "):
            lines += make_comment(reason)
            pipes = json.loads(line.split("=", 1)[1])
            kept = json.dumps([pipe for pipe in pipes if pipe != name])
            line = f"pipeline = {kept}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def make_comment(sentence: str) -> List[str]:
    """RETURNS (List[str]): The lines of a comment."""
    return [f"# {line}" for line in textwrap.wrap(sentence, width=78)]
