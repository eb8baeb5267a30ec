"""Write docs/reference.md from the code, so that the page can't say anything else, and
the part of docs/project.md that comes from project.yml.

python scripts/reference.py
"""

import inspect
import json
import re
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import MISSING, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from string import Formatter
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any, Dict, Iterator, List, Optional, Tuple, get_args

from spacy.language import Language

from spacy_longtail import errors
from spacy_longtail.cli import longtail
from spacy_longtail.loading import write_text
from spacy_longtail.scoring.metrics import METRICS
from spacy_longtail.scoring.scorer import describe_labels

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference.md"
PROJECT_PAGE = ROOT / "docs" / "project.md"
INTRO = """# Reference

Everything that has a name: what a config can hold, the commands, the functions, the
scores and the messages. Written from the code by `make docs`; change a docstring
instead of this page. The [index](README.md) leads to the pages that explain it.
"""
# What stands in front of a registered name in a config.
GROUPS = {
    "spacy_factories": ("Components", "factory"),
    "thinc_losses": ("Losses", "@losses"),
    "spacy_architectures": ("The model and its encoders", "@architectures"),
    "thinc_layers": ("Output layers", "@layers"),
    "spacy_misc": ("Vectors, rankers and descriptions", "@misc"),
    "spacy_callbacks": ("Callbacks", "@callbacks"),
    "spacy_scorers": ("Scorers", "@scorers"),
}
# What users read, set and call on a loaded pipe, beside what every pipe of spaCy has.
METHODS = ["prior", "temperature", "cats_top_k", "thresholds", "threshold"]
METHODS += ["ancestor_threshold", "fit_thresholds", "added_labels", "add_label"]
METHODS += ["add_labels_from_file", "remove_label", "fit_mixture", "fit_abstention"]
METHODS += ["stats"]
# Rooms whose __init__ has the functions that stand behind the commands.
ROOMS = ["convert", "audit", "init_config", "tuning", "updating", "report", "explain"]
ROOMS += ["batch", "packaging", "spark", "suggest", "monitor"]
WEIGHTS = {None: "not shown in training", 0.0: "shown", 1.0: "chooses the best model"}

ENTRY = re.compile(r"([A-Za-z_][\w, ]*) \(((?:[^()]|\([^()]*\))+)\): ?(.*)")
REGISTERED = re.compile(r'\s*Registered as "[^"]+"\.')


@dataclass
class Docstring:
    """Parts of a docstring of ours.

    prose (List[str]): Paragraphs.
    entries (Dict[str, Tuple[str, str]]): Type and text of each parameter, RETURNS and
        RAISES.
    source (str): Where it comes from, or nothing.
    """

    prose: List[str] = field(default_factory=list)
    entries: Dict[str, Tuple[str, str]] = field(default_factory=dict)
    source: str = ""


def parse_docstring(text: Optional[str]) -> Docstring:
    found = Docstring()
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text or "")):
        chunks: List[List[str]] = []
        for line in paragraph.splitlines():
            is_new = ENTRY.fullmatch(line) or line.startswith("Source: ")
            if is_new or not chunks:
                chunks.append([])
            chunks[-1].append(line)
        for lines in chunks:
            _read_chunk(found, lines)
    return found


def _read_chunk(found: Docstring, lines: List[str]) -> None:
    entry = ENTRY.fullmatch(lines[0])
    if entry is not None:
        names, of_type, start = entry.groups()
        for name in names.split(", "):
            found.entries[name] = (of_type, join([start, *lines[1:]]))
    elif lines[0].startswith("Source: "):
        found.source = join([lines[0][len("Source: ") :], *lines[1:]])
    elif lines[0].startswith((" ", "[")):
        found.prose.append("\n".join(["```", dedent("\n".join(lines)), "```"]))
    else:
        text = REGISTERED.sub("", join(lines)).strip()
        if text:
            found.prose.append(escape(text))


def join(lines: List[str]) -> str:
    """RETURNS (str): The lines as one, words with a hyphen as one word."""
    text = " ".join(line.strip() for line in lines).strip()
    return re.sub(r"(?<=\w)- (?=[A-Z])", "-", text)


def escape(text: str) -> str:
    """RETURNS (str): Markdown that shows the text, code in backticks as it is."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([*<|])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts).replace("|", r"\|").replace(r"\\|", r"\|")


def code(text: str) -> str:
    return f"`{text}`".replace("|", r"\|") if text else ""


def make_table(header: List[str], rows: List[List[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(value: Any) -> str:
    """RETURNS (str): A default as a config has it."""
    if value is inspect.Parameter.empty or value is MISSING:
        return "required"
    if isinstance(value, dict):
        names = [v for k, v in value.items() if k.startswith("@")]
        return code(names[0]) if names else "see the config"
    if not isinstance(value, (str, int, float, list, tuple, type(None))):
        return ""
    return code(json.dumps(value, ensure_ascii=False))


def show_type(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        return code(annotation)
    if isinstance(annotation, type) and not get_args(annotation):
        return code(annotation.__name__)
    return code(re.sub(r"\b\w+\.", "", str(annotation)))


def show_entry(entry: Tuple[str, str]) -> Tuple[str, str]:
    return code(entry[0]), escape(entry[1])


def show_object(found: Any, doc: Docstring, skip: Tuple[str, ...] = ()) -> List[str]:
    """RETURNS (List[str]): Blocks about a function or class and its parameters."""
    rows = []
    for name, parameter in inspect.signature(found).parameters.items():
        if name in skip or parameter.kind == parameter.VAR_KEYWORD:
            continue
        of_type, text = doc.entries.get(name, ("", ""))
        shown = code(of_type) if of_type else show_type(parameter.annotation)
        rows.append([code(name), shown, show(parameter.default), escape(text)])
    blocks = list(doc.prose)
    if rows:
        blocks.append(make_table(["parameter", "type", "default", ""], rows))
    return blocks + show_rest(doc)


def show_rest(doc: Docstring) -> List[str]:
    blocks = []
    for name, title in (("RETURNS", "Returns"), ("RAISES", "Raises")):
        if name in doc.entries:
            of_type, text = doc.entries[name]
            blocks.append(f"{title} {code(of_type)}: {escape(text)}")
    if doc.source:
        blocks.append(f"Source: {escape(doc.source)}")
    return blocks


def read_entry_points() -> Dict[str, List[Tuple[str, Any]]]:
    config = ConfigParser(delimiters=("=",), interpolation=None)
    config.optionxform = str  # type: ignore[assignment,method-assign]
    config.read(ROOT / "setup.cfg", encoding="utf8")
    found: Dict[str, List[Tuple[str, Any]]] = {}
    for group, lines in config["options.entry_points"].items():
        for line in lines.strip().splitlines():
            name, module, attribute = re.split(r"\s*[=:]\s*", line)
            loaded = getattr(import_module(module), attribute)
            found.setdefault(group, []).append((name, loaded))
    return found


def write_registered() -> Iterator[str]:
    entry_points = read_entry_points()
    entry_points.pop("spacy_cli")
    order = [*GROUPS, *(group for group in entry_points if group not in GROUPS)]
    for group in order:
        title, key = GROUPS.get(group, (group, "@" + group.split("_")[1]))
        yield f"## {title}"
        for name, found in entry_points[group]:
            yield f"### `{name}`"
            yield f'In a config: `{key} = "{name}"`'
            if group == "spacy_factories":
                yield from write_factory(name, found)
            else:
                yield from show_object(found, parse_docstring(found.__doc__))


def write_factory(name: str, make: Any) -> Iterator[str]:
    signature = inspect.signature(make)
    component = signature.return_annotation
    if isinstance(component, str):
        component = inspect.unwrap(make).__globals__[component]
    doc = parse_docstring(component.__doc__)
    own = parse_docstring(make.__doc__)
    if own.entries or not re.search(r", see \w+\.$", " ".join(own.prose)):
        doc.prose, doc.entries = own.prose, {**doc.entries, **own.entries}
    meta = Language.get_factory_meta(name)
    config = meta.default_config
    settings = make.settings_type
    for key, entry in describe_fields(settings).items():
        if entry[1] or key not in doc.entries:
            doc.entries[key] = (entry[0], entry[1] or entry[2])
    yield from doc.prose
    rows = []
    # The order of a config depends on the version of confection.
    for key, parameter in signature.parameters.items():
        if key in config:
            of_type, text = doc.entries.get(key, ("", ""))
            shown = code(of_type) or show_type(parameter.annotation)
            rows.append([code(key), shown, show(config[key]), escape(text)])
    yield make_table(["setting", "type", "default", ""], rows)
    later = [item.name for item in fields(settings)] if settings is not None else []
    rows = [
        [code(key), *show_entry(doc.entries[key])] for key in later if key not in config
    ]
    if rows:
        yield "Set on a loaded pipe, not in the config:"
        yield make_table(["setting", "type", ""], rows)
    yield from show_rest(doc)
    yield from write_methods(component, doc)
    weights = meta.default_score_weights
    keys = [", ".join(code(k) for k, w in weights.items() if w == x) for x in WEIGHTS]
    rows = [[WEIGHTS[x], k] for x, k in zip(WEIGHTS, keys) if k]
    yield "Scores, by their weight in `[training.score_weights]`:"
    yield make_table(["", "scores"], rows[::-1])


def write_methods(component: type, doc: Docstring) -> Iterator[str]:
    """Yield what can be read, set and called on a loaded pipe."""
    rows = []
    for name in METHODS:
        found = inspect.getattr_static(component, name, None)
        target = found.fget if isinstance(found, property) else found
        if not inspect.isfunction(target):
            continue
        own = parse_docstring(target.__doc__)
        if isinstance(found, property) and not own.entries:
            # A setting that not every component of the class has.
            if name not in doc.entries:
                continue
        entry = own.entries.get("RETURNS", doc.entries.get(name, ("", "")))
        text = own.prose[0] if own.prose else escape(entry[1])
        if not isinstance(found, property):
            name += f"({', '.join(list(inspect.signature(target).parameters)[1:])})"
        rows.append([code(name), text])
    if rows:
        yield "On a loaded pipe:"
        yield make_table(["", ""], rows)


def describe_fields(settings: Optional[type]) -> Dict[str, Tuple[str, str, str]]:
    """RETURNS (Dict[str, Tuple[str, str, str]]): Type, help of the metadata and text of
    the docstring for each field.
    """
    if settings is None:
        return {}
    entries: Dict[str, Tuple[str, str]] = {}
    for cls in reversed(settings.__mro__):
        entries.update(parse_docstring(vars(cls).get("__doc__")).entries)
    described = {}
    for item in fields(settings):
        shown = show_type(item.type).strip("`").replace(r"\|", "|")
        of_type, text = entries.get(item.name, (shown, ""))
        described[item.name] = (of_type, item.metadata.get("help", ""), text)
    return described


def write_decision() -> Iterator[str]:
    from spacy_longtail.pipeline.decision import Decision

    yield "## The decision"
    yield "What `doc._.longtail` holds."
    doc = parse_docstring(Decision.__doc__)
    yield from doc.prose
    rows = [
        [code(item.name), *show_entry(doc.entries.get(item.name, ("", "")))]
        for item in fields(Decision)
    ]
    yield make_table(["attribute", "type", ""], rows)


def write_scores() -> Iterator[str]:
    """Yield the table of metrics, and what there is of each label."""
    yield "## Scores"
    columns = ["title", "note", "bounds", "direction"]
    kinds = {None: "one or several", False: "one", True: "several"}
    rows = [
        [
            code(metric.key),
            *(_show_value(getattr(metric, name)) for name in columns),
            kinds[metric.several],
            ", ".join(metric.rooms),
        ]
        for metric in METRICS
    ]
    header = ["key", *columns, "labels a document", "shown by"]
    yield make_table(header, rows)
    doc = inspect.cleandoc(describe_labels.__doc__ or "").partition("): ")[2]
    yield "`f_per_label`: " + " ".join(doc.split())


def _show_value(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    if isinstance(value, (list, tuple)):
        return escape(", ".join(str(part) for part in value))
    return "" if value is None else escape(str(value))


def write_commands() -> Iterator[str]:
    yield "## Commands"
    yield "`longtail` is their group: `python -m spacy longtail COMMAND`."
    for command in sorted(longtail.registered_commands, key=lambda c: c.name or ""):
        assert command.callback is not None
        arguments, options = [], []
        for name, parameter in inspect.signature(command.callback).parameters.items():
            info = parameter.default
            if info is parameter.empty:
                continue  # Typer's own context.
            of_type = show_type(parameter.annotation)
            default = "required" if info.default is ... else show(info.default)
            text = escape(info.help.replace("  [default:", " [default:"))
            if type(info).__name__ == "ArgumentInfo":
                arguments.append([code(name.upper()), of_type, text])
                continue
            if info.default is None or info.default is False or info.default == []:
                default = ""
            decls = [d for d in info.param_decls if d.startswith("-")]
            options.append([code(", ".join(decls)), of_type, default, text])
        usage = " ".join(row[0].strip("`") for row in arguments)
        yield f"### `{command.name}`"
        yield f"`python -m spacy longtail {command.name} {usage}`"
        doc = parse_docstring(command.callback.__doc__)
        yield from (p for p in doc.prose if not p.startswith("Example: "))
        yield make_table(["argument", "type", ""], arguments)
        yield make_table(["option", "type", "default", ""], options)


def write_functions() -> Iterator[str]:
    yield "## Functions"
    yield "Public in Python; other modules may move."
    for room in ROOMS:
        module = import_module(f"spacy_longtail.{room}")
        for name in module.__all__:
            found = getattr(module, name)
            yield f"### `{module.__name__}.{name}`"
            yield from show_object(found, parse_docstring(found.__doc__))


def write_messages() -> Iterator[str]:
    yield "## Messages"
    yield "Errors and warnings start with their code in brackets; LW is a warning."
    source = inspect.getsource(errors.errors) + inspect.getsource(errors.jobs)
    titles = dict(reversed(re.findall(r"# L(\d)xx: (.*)", source)))
    codes: Dict[str, List[List[str]]] = {}
    for catalogue in (errors.Errors, errors.JobErrors, errors.Warnings):
        for name, text in vars(catalogue).items():
            if name.startswith("L"):
                found = _show_template(text.partition("] ")[2] or text)
                group = "Warnings" if name.startswith("LW") else titles[name[1]]
                codes.setdefault(group, []).append([code(name), escape(found)])
    for group, rows in codes.items():
        yield f"### {group[0].upper()}{group[1:]}"
        yield make_table(["code", "text"], sorted(rows))


def _show_template(template: str) -> str:
    parts = Formatter().parse(template)
    return "".join(text + (f"{{{name}}}" if name else "") for text, name, _, _ in parts)


def write_contents(blocks: List[str]) -> str:
    titles = [block[3:] for block in blocks if block.startswith("## ")]
    anchors = [t.lower().replace(",", "").replace(" ", "-") for t in titles]
    return " · ".join(f"[{t}](#{a})" for t, a in zip(titles, anchors))


def build_reference() -> str:
    """RETURNS (str): The page."""
    blocks: List[str] = []
    parts = [write_registered, write_decision, write_scores]
    for part in [*parts, write_commands, write_functions, write_messages]:
        blocks += part()
    contents = write_contents(blocks)
    return "\n\n".join([INTRO.strip(), contents, *blocks]) + "\n"


def build_project_page() -> str:
    """RETURNS (str): The page, as `spacy project document` writes it, with links that
    are right in the folder where it is.
    """
    command = [sys.executable, "-m", "spacy", "project", "document", str(ROOT)]
    with TemporaryDirectory() as folder:
        page = Path(folder) / PROJECT_PAGE.name
        page.write_bytes(PROJECT_PAGE.read_bytes())
        command += ["--no-emoji", "--output", str(page)]
        subprocess.run(command, check=True, capture_output=True)
        text = page.read_text(encoding="utf8").strip() + "\n"
    return text.replace("](project.yml)", "](../project.yml)")


if __name__ == "__main__":
    for path, build in ((PAGE, build_reference), (PROJECT_PAGE, build_project_page)):
        write_text(path, build())
        print(f"Written: {path.relative_to(ROOT)}")
