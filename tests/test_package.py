import ast
import re
import subprocess
import sys
from collections import defaultdict
from configparser import ConfigParser
from importlib.metadata import distribution
from importlib.util import resolve_name
from pathlib import Path
from string import Formatter

import pytest
import spacy
from spacy.language import Language

import spacy_longtail
from spacy_longtail.errors import Errors, JobErrors, Warnings

PACKAGE = Path(spacy_longtail.__file__).parent
REPOSITORY = Path(__file__).resolve().parents[1]
# A layer may import itself and the layers before it, never the ones after it.
LAYERS = [
    "errors",
    "locks",
    "messages",
    "texts",
    "ops",
    "products",
    "similar",
    "saved",
    "settings",
    "presentation",
    "spelling",
]
LAYERS += ["taxonomy", "gold", "questions", "files", "languages", "loading"]
LAYERS += ["tables", "code_tables", "descriptions"]
LAYERS += ["losses", "outputs", "vectors", "encoders", "rankers"]
LAYERS += ["scoring", "fitting", "pipeline", "evaluation", "batch", "convert", "audit"]
LAYERS += ["init_config", "starting", "tuning", "updating", "report", "suggest"]
LAYERS += ["monitor", "explain", "packaging", "spark", "cli"]
# A component gets these objects from its config.
INJECTED = {"losses", "outputs", "vectors", "encoders", "rankers", "scoring"}
HEAVY = {"torch", "transformers", "sklearn", "pandas", "pyarrow", "openpyxl"}
HEAVY |= {"spacy_transformers", "matplotlib", "pyspark"}

SOURCES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}
# Each tree is walked once, which takes most of the time.
NODES = {name: list(ast.walk(tree)) for name, tree in SOURCES.items()}
# The root module belongs to no layer.
MODULES = [name for name in SOURCES if name != "__init__.py"]
ENTRY_POINTS = list(distribution("spacy-longtail").entry_points)
CATALOGUES = (Errors, JobErrors, Warnings)
CODES = {
    code: template
    for catalogue in CATALOGUES
    for code, template in vars(catalogue).items()
    if not code.startswith("_")
}

CAMEL_CASE = r"spacy-longtail\.([A-Z][A-Za-z0-9]*)\.v[1-9]\d*"
SNAKE_CASE = r"spacy-longtail\.[a-z][a-z0-9_]*\.v[1-9]\d*"
NAME_PATTERNS = {
    "spacy_factories": r"[a-z][a-z_]*",
    "spacy_cli": r"[a-z]+",
    "spacy_architectures": CAMEL_CASE,
    "spacy_misc": CAMEL_CASE,
    "thinc_layers": CAMEL_CASE,
    "thinc_losses": CAMEL_CASE,
    "spacy_callbacks": SNAKE_CASE,
    "spacy_loggers": CAMEL_CASE,
    "spacy_readers": SNAKE_CASE,
    "spacy_scorers": SNAKE_CASE,
}


def get_layer(module):
    return Path(module).with_suffix("").parts[0]


def get_imports(module):
    """Yield the full name of everything that a module imports, at any depth."""
    package = ".".join(["spacy_longtail", *Path(module).parent.parts])
    for node in NODES[module]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{source}.{alias.name}" for alias in node.names)


def get_imported_layers(module):
    for name in get_imports(module):
        root, _, inner = name.partition(".")
        if root == "spacy_longtail" and inner and inner != "__version__":
            yield inner.split(".")[0]


def get_used_codes(nodes):
    """Yield each use of a message as (code, names of the values or None)."""
    calls = {
        node.func.value: {keyword.arg for keyword in node.keywords}
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
    }
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("Errors", "JobErrors", "Warnings"):
                yield node.attr, calls.get(node)


USED_CODES = {name: list(get_used_codes(nodes)) for name, nodes in NODES.items()}


def get_placeholders(template):
    return {field for _, field, _, _ in Formatter().parse(template) if field}


@pytest.mark.parametrize("entry_point", ENTRY_POINTS, ids=lambda ep: ep.name)
def test_entry_point_is_found_and_versioned(entry_point):
    group, name = entry_point.group, entry_point.name
    assert re.fullmatch(NAME_PATTERNS[group], name)
    loaded = entry_point.load()
    if group == "spacy_factories":
        assert Language.has_factory(name)
    else:
        assert spacy.registry.get(group.split("_")[1], name) is loaded


def test_installed_entry_points_are_those_of_setup_cfg():
    """They are read at install time: if this fails, install the package again."""
    config = ConfigParser(delimiters=("=",), interpolation=None)
    config.optionxform = str
    config.read(REPOSITORY / "setup.cfg", encoding="utf8")
    written = {
        (group, *re.split(r"\s*=\s*", line))
        for group, lines in config["options.entry_points"].items()
        for line in lines.strip().splitlines()
    }
    assert written == {(ep.group, ep.name, ep.value) for ep in ENTRY_POINTS}


def test_version_is_that_of_the_distribution():
    assert spacy_longtail.__version__ == distribution("spacy-longtail").version


def test_distribution_names_its_module():
    """`spacy package` finds the requirement of a pipeline by this file."""
    names = distribution("spacy-longtail").read_text("top_level.txt")
    assert names.split() == ["spacy_longtail"]


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    layer = LAYERS.index(get_layer(module))
    for imported in get_imported_layers(module):
        assert LAYERS.index(imported) <= layer


@pytest.mark.parametrize("module", [m for m in MODULES if get_layer(m) == "pipeline"])
def test_components_import_nothing_that_the_config_gives_them(module):
    for name in get_imports(module):
        # What a component may ask of any encoder and output is no implementation.
        if not name.startswith("spacy_longtail.encoders.contract"):
            assert not INJECTED.intersection(name.split(".")[1:2])


@pytest.mark.parametrize(
    "module", [m for m in MODULES if get_layer(m) not in ("encoders", "outputs")]
)
def test_attributes_of_layers_are_read_through_the_contract(module):
    nodes = [node for node in NODES[module] if isinstance(node, ast.Attribute)]
    assert "attrs" not in {node.attr for node in nodes}


@pytest.mark.parametrize("module", SOURCES)
def test_annotations_are_evaluated(module):
    """Confection before 1.0 can't resolve the strings that they were otherwise."""
    assert "__future__.annotations" not in get_imports(module)


def test_blank_pipeline_imports_no_extras():
    """spaCy loads every installed factory as soon as a pipeline is created, so
    a heavy import at the top of our modules would slow down all spaCy users.
    """
    code = """
import sys
from importlib import metadata
# Other installed plugins, and Thinc by itself, may import what ours mustn't.
ours = metadata.distribution("spacy-longtail").entry_points
metadata.entry_points = ours.select
import spacy
before = set(sys.modules)
import spacy_longtail
spacy.blank("en")
for entry_point in ours:
    entry_point.load()
print(*set(sys.modules) - before)
"""
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "spacy_longtail" in child.stdout.split()
    assert not HEAVY.intersection(child.stdout.split())


@pytest.mark.parametrize("module", SOURCES)
def test_no_heavy_import_at_the_top(module):
    """Where Thinc imports torch by itself, `sys.modules` doesn't show ours."""
    inside = {
        node
        for function in NODES[module]
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for node in NODES[module]:
        if isinstance(node, ast.Import) and node not in inside:
            assert not HEAVY.intersection(a.name.split(".")[0] for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node not in inside:
            assert (node.module or "").split(".")[0] not in HEAVY


@pytest.mark.parametrize("code", CODES)
def test_error_code_is_used(code):
    assert any(code == used for codes in USED_CODES.values() for used, _ in codes)


def test_error_codes_are_in_order():
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize("code, template", CODES.items(), ids=list(CODES))
def test_error_text_formats(code, template):
    assert re.fullmatch(r"LW?\d{3}", code)
    values = dict.fromkeys(get_placeholders(template), 1)
    catalogue = next(c for c in CATALOGUES if code in vars(c))
    assert getattr(catalogue, code).format(**values).startswith(f"[{code}] ")


@pytest.mark.parametrize("module", SOURCES)
def test_error_texts_get_their_values(module):
    for code, names in USED_CODES[module]:
        assert (code, names or set()) == (code, get_placeholders(CODES[code]))


@pytest.mark.parametrize("module", [m for m in MODULES if get_layer(m) != "cli"])
def test_only_the_cli_prints(module):
    calls = [node for node in NODES[module] if isinstance(node, ast.Call)]
    names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    assert "print" not in names


# Methods of a path, and functions of os and shutil, that change what is on the disk.
MOVES = {"rename", "renames", "unlink", "remove", "removedirs", "rmdir", "rmtree"}
MOVES |= {"move", "copy", "copy2", "copyfile", "copytree", "link_to", "symlink_to"}


def get_moves(nodes):
    """Yield the names of what moves, replaces or removes files."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ({"shutil", "tempfile"} & {a.name for a in node.names})
        elif isinstance(node, ast.ImportFrom):
            if node.module in ("os", "shutil", "tempfile"):
                yield from ({*MOVES, "replace"} & {a.name for a in node.names})
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_module = isinstance(node.func.value, ast.Name)
            of_module = of_module and node.func.value.id in ("os", "shutil")
            # A string needs two arguments, those of a tuple have names.
            of_path = len(node.args) == 1 and not node.keywords
            is_replace = node.func.attr == "replace" and (of_module or of_path)
            # A set or a list has "remove" and "copy", a path hasn't.
            of_path = node.func.attr not in ("remove", "copy")
            if is_replace or (node.func.attr in MOVES and (of_module or of_path)):
                yield node.func.attr


@pytest.mark.parametrize("module", [m for m in SOURCES if m != "files.py"])
def test_only_one_module_moves_files(module):
    assert list(get_moves(NODES[module])) == []


def test_that_module_moves_files():
    assert {"shutil", "tempfile", "replace"} <= set(get_moves(NODES["files.py"]))


def test_modules_are_short():
    """But for the catalogue of messages, which is no code."""
    lines = {m: (PACKAGE / m).read_text(encoding="utf8").count("\n") for m in SOURCES}
    assert {m: n for m, n in lines.items() if n > 450} == {}


# Modules that may say what is different where labels exclude each other or don't.
KINDS = ("exclusive", "multilabel")
SAY_KINDS = {"pipeline/factories.py"}
# Thinc's idioms, which layers have; and the same for batches and for Spark.
IDIOMS = {"forward", "init", "classify"}


def says_kind(module):
    text = (PACKAGE / module).read_text(encoding="utf8").lower()
    return any(kind in text for kind in KINDS)


def test_kinds_are_told_apart_in_modules_of_their_own():
    found = {m for m in SOURCES if Path(m).stem not in KINDS and says_kind(m)}
    assert found == SAY_KINDS


def test_a_kind_has_modules_but_no_folder():
    found = {p.parent.as_posix() for p in map(Path, SOURCES) if p.parent.name in KINDS}
    assert not found


def test_a_public_name_is_defined_once():
    modules = defaultdict(set)
    for module, tree in SOURCES.items():
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                modules[node.name].add(module)
    found = {
        name
        for name, where in modules.items()
        if len(where) > 1 and not name.startswith("_")
    }
    assert not found - IDIOMS


def test_configs_are_not_there_twice():
    link = REPOSITORY / "configs"
    assert link.is_symlink()
    assert link.resolve() == PACKAGE / "init_config" / "configs"


@pytest.mark.parametrize("entry_point", ENTRY_POINTS, ids=lambda ep: ep.name)
def test_reference_has_every_public_name(entry_point):
    page = (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf8")
    assert f"`{entry_point.name}`" in page
