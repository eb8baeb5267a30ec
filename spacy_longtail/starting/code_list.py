"""Read a list of codes as labels, with what is known of each."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..code_tables import find_named, open_codes, read_cell_text
from ..errors import Errors, JobErrors
from ..spelling import clean_segment, has_word
from ..taxonomy import SEPARATOR, check_settings
from .tree import TreeT, follow_parents, get_path, infer_parents

# Names of columns, in the order in which they are looked for.
NAMES = {
    "parent": ("parent", "broader"),
    "code": ("code",),
    "label": ("label", "path"),
    "title": ("title", "name"),
    "description": ("description", "definition"),
}
# What labels are made of.
SEGMENTS = ("code", "title")


@dataclass(frozen=True)
class ListColumns:
    """Where a list has its codes. What isn't given is found by the usual names.

    code (Optional[str]): Column of codes.
    title (Optional[str]): Column of titles.
    description (Optional[str]): Column of what belongs to a code.
    parent (Optional[str]): Column of the code above.
    label (Optional[str]): Instead of codes and parents, a column of paths.
    """

    code: Optional[str] = None
    title: Optional[str] = None
    description: Optional[str] = None
    parent: Optional[str] = None
    label: Optional[str] = None


class Entry(NamedTuple):
    """A row of a list. What it doesn't have is "".

    code (str): The code, or a path.
    where (str): File and line, for messages.
    """

    code: str
    title: str
    description: str
    parent: str
    where: str


@dataclass(frozen=True)
class CodeList:
    """The labels of a list of codes.

    records (List[Dict[str, str]]): For each label "label", "title", "description",
        "above" (the titles above it) and "source" (file and line). Without a
        description, the title is that.
    columns (Dict[str, str]): The columns that were read.
    tree (str): Where the hierarchy is from: "parents", "prefixes", "paths" or "none".
    n_rows (int): Rows with something in them.
    n_repeated (int): Rows that are there twice, alike.
    untitled (List[str]): Labels that have nothing but their code.
    """

    records: List[Dict[str, str]]
    columns: Dict[str, str]
    tree: str
    n_rows: int
    n_repeated: int
    untitled: List[str]

    @property
    def texts(self) -> List[str]:
        """RETURNS (List[str]): All that is known of the labels, without repeats."""
        found: Dict[str, None] = {}
        for record in self.records:
            below = f"{record['above']} {record['title']}"
            texts = record["title"], record["description"], below.strip()
            found.update(dict.fromkeys(filter(None, texts)))
        return list(found)


def read_code_list(
    path: Path,
    columns: ListColumns = ListColumns(),  # noqa: B008 - frozen
    *,
    segments: str = "code",
    flat: bool = False,
    separator: str = SEPARATOR,
    **dialect: Any,
) -> CodeList:
    """Read a table of codes, titles and descriptions. Those at the bottom of the
    hierarchy become labels.

    The hierarchy is that of the column of parents, or that of paths, like "72/721".
    Without both, codes that begin like others are below them, if that is clear.

    segments (str): What a label is made of: the "code" and those above it, or the
        "title" and those above it. Without codes, titles.
    flat (bool): Leave out what is above, all codes are labels.
    separator (str): What joins the segments of a label.
    dialect (Any): See convert_corpus.
    RAISES (ValueError): L780 to L784, L786 or L787, see there, and those of a table.
    """
    check_settings(min_count=0, separator=separator)
    if segments not in SEGMENTS:
        raise ValueError(JobErrors.L780.format(value=segments))
    path = Path(path)
    table = open_codes(path, **dialect)
    found = _choose_columns(path, table.columns, columns)
    is_path = "label" in found
    if segments == "title" and "title" not in found and not is_path:
        raise ValueError(JobErrors.L781.format(path=path, columns=_list(table.columns)))
    entries, n_rows, n_repeated = _read_entries(table, found)
    is_path = is_path or any(separator in code for code in entries)
    tree, origin = _make_tree(entries, "parent" in found, is_path, separator)
    if flat:
        tree, origin = dict.fromkeys(entries), "none"
    is_titled = segments == "title" and not is_path
    records = _make_records(entries, tree, separator, is_path, is_titled)
    untitled = [
        r["label"]
        for r in records
        if not any(entries[r.pop("code")][1:3]) and not has_word(r["title"])
    ]
    return CodeList(records, found, origin, n_rows, n_repeated, untitled)


def _choose_columns(
    path: Path, columns: List[str], wanted: ListColumns
) -> Dict[str, str]:
    """RETURNS (Dict[str, str]): The column of each kind that there is.

    RAISES (ValueError): L613 for one that isn't there, L781 if there is none of labels,
        or none of texts.
    """
    found = _check_wanted(path, columns, wanted)
    for kind, names in NAMES.items():
        left = [column for column in columns if column not in found.values()]
        named = [own[0] for name in names if (own := find_named(left, name))]
        if kind not in found and named:
            found[kind] = named[0]
    if "code" in found and "label" in found and wanted.label is None:
        # Beside a code, it's what the code is called.
        label = found.pop("label")
        found.setdefault("title", label)
    if "label" in found:
        for kind in ("code", "parent"):
            found.pop(kind, None)
    left = [column for column in columns if column not in found.values()]
    if "code" in found and not {"title", "description"} & {*found} and len(left) == 1:
        # Whatever it is called, as in other languages.
        found["title"] = left[0]
    has_names = {"label", "title"} & {*found} or {"code", "description"} <= {*found}
    if not has_names:
        raise ValueError(JobErrors.L781.format(path=path, columns=_list(columns)))
    return found


def _check_wanted(
    path: Path, columns: List[str], wanted: ListColumns
) -> Dict[str, str]:
    pairs = [(field.name, getattr(wanted, field.name)) for field in fields(wanted)]
    found = {kind: name for kind, name in pairs if name is not None}
    for name in found.values():
        if name not in columns:
            shown = _list(columns)
            text = Errors.L613.format(path=path, column=name, columns=shown, hint="")
            raise ValueError(text.strip())
    return found


def _list(columns: List[str]) -> str:
    return ", ".join(map(repr, columns)) or "none"


def _read_entries(
    table: Any, found: Dict[str, str]
) -> Tuple[Dict[str, Entry], int, int]:
    """RETURNS (Tuple[Dict[str, Entry], int, int]): The rows by their code, how many
    there are, and how many of them are there again.

    RAISES (ValueError): L668 for a title without a code, L782 for a code that is there
        with something else.
    """
    key = next(kind for kind in ("label", "code", "title") if kind in found)
    kinds = (key, *(k for k in ("title", "description", "parent") if k != key))
    entries: Dict[str, Entry] = {}
    n_rows = n_repeated = 0
    has = [kind for kind in kinds if kind in found]
    for number, values in table.rows([found[kind] for kind in has]):
        where = table.where(number)
        cells = {kind: read_cell_text(v, where) for kind, v in zip(has, values)}
        code, texts = clean_segment(cells.pop(key)), dict(cells)
        if not code and not any(texts.values()):
            continue
        n_rows += 1
        if not code:
            shown = f"the title {next(filter(None, texts.values()))!r}"
            raise ValueError(Errors.L668.format(where=where, found=shown))
        title = code if key == "title" else texts.get("title", "")
        parent = clean_segment(texts.get("parent", ""))
        entry = Entry(code, title, texts.get("description", ""), parent, where)
        first = entries.setdefault(code, entry)
        n_repeated += first is not entry
        if first[:-1] != entry[:-1]:
            raise ValueError(
                JobErrors.L782.format(where=where, code=code, first=first.where)
            )
    return entries, n_rows, n_repeated


def _make_tree(
    entries: Dict[str, Entry], has_parents: bool, is_path: bool, separator: str
) -> Tuple[TreeT, str]:
    places = {code: entry.where for code, entry in entries.items()}
    if has_parents:
        parents = {code: entry.parent for code, entry in entries.items()}
        return follow_parents(parents, places), "parents"
    if is_path:
        tree: TreeT = {}
        for code in entries:
            segments = code.split(separator)
            if not all(segment.strip() for segment in segments):
                text = JobErrors.L786.format(where=places[code], code=code)
                raise ValueError(text)
            paths = [separator.join(segments[:n]) for n in range(1, len(segments) + 1)]
            tree.update(zip(paths, [None, *paths]))
        is_deep = any(parent is not None for parent in tree.values())
        return tree, "paths" if is_deep else "none"
    inferred = infer_parents(list(entries))
    if inferred is not None:
        return inferred, "prefixes"
    return dict.fromkeys(entries), "none"


def _make_records(
    entries: Dict[str, Entry],
    tree: TreeT,
    separator: str,
    is_path: bool,
    is_titled: bool,
) -> List[Dict[str, str]]:
    """RETURNS (List[Dict[str, str]]): See CodeList; with the code of each.

    RAISES (ValueError): L784 if two have the same label, L787 if a segment has what
        separates segments.
    """
    inner = set(tree.values())
    records: Dict[str, Dict[str, str]] = {}
    for code, entry in entries.items():
        if code in inner:
            continue
        path = get_path(code, tree)
        names = [_get_name(node, entries, separator, is_path) for node in path]
        segments = names if is_titled else list(path)
        if is_path:
            label = code
        else:
            for segment in segments:
                if separator in segment:
                    text = JobErrors.L787.format(
                        where=entry.where, segment=segment, separator=separator
                    )
                    raise ValueError(text)
            label = separator.join(segments)
        name, above = names[-1], list(dict.fromkeys(names[:-1]))
        record = {
            "code": code,
            "label": label,
            "title": name,
            "description": entry.description or name,
            "above": " ".join(x for x in above if x != name),
            "source": entry.where,
        }
        first = records.setdefault(label, record)
        if first is not record:
            text = JobErrors.L784.format(
                where=entry.where, label=label, codes=[first["code"], code]
            )
            raise ValueError(text)
    return list(records.values())


def _get_name(
    node: str, entries: Dict[str, Entry], separator: str, is_path: bool
) -> str:
    """RETURNS (str): The title of a node, or else what is closest to one."""
    segment = node.rpartition(separator)[2] if is_path else node
    words = segment.replace("_", " ").strip()
    _, title, description, *_ = entries.get(node, Entry(node, "", "", "", ""))
    return title or (words if has_word(words) else description or words)
