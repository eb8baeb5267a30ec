"""New names of categories, from a small table of the columns "old" and "new"."""

from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from ..descriptions import OPTIONAL, RecordT
from ..errors import JobErrors
from ..spelling import clean_segment, find_similar
from ..tables import open_table
from ..tables.cells import to_segment
from ..tables.columns import Columns

OLD, NEW = "old", "new"
DESCRIPTION = "description"


class Rename(NamedTuple):
    """A row of the table.

    old, new (str): Paths of categories, or of nodes above some.
    where (str): File and row, for messages.
    """

    old: str
    new: str
    where: str


class Renames:
    """Gives labels their new names, all at the same time, so that two can swap theirs.
    Of a path, the longest part that has a new name is replaced.

    rows (Iterable[Rename]): The new names.
    separator (str): What joins the segments of a label.
    """

    def __init__(self, rows: Iterable[Rename] = (), separator: str = "/") -> None:
        self.rows = {row.old: row for row in rows}
        self.separator = separator
        self._cache: Dict[str, str] = {}

    def translate(self, label: str) -> str:
        """RETURNS (str): What a label is called now."""
        if label not in self._cache:
            self._cache[label] = self._translate(label)
        return self._cache[label]

    def _translate(self, label: str) -> str:
        node, rest = label, ""
        while node not in self.rows:
            if self.separator not in node:
                return label
            node = node.rpartition(self.separator)[0]
            rest = label[len(node) :]
        return self.rows[node].new + rest

    def drop_unknown(self, corpus: Set[str], others: Set[str]) -> List[Rename]:
        """Leave out the renames of what isn't there, under its old name.

        corpus (Set[str]): Labels of the corpus.
        others (Set[str]): Those of new rows and of descriptions.
        RETURNS (List[Rename]): Those left out, as the new name is there.
        RAISES (ValueError): L736 if the new name isn't there either, L744 if what has
            a new name already would get another one.
        """
        own, done, begun = self._find_nodes(corpus), [], []
        nodes = own | self._find_nodes(others)
        for row in list(self.rows.values()):
            row = self._spell(row, nodes)
            is_nested = row.new.startswith(row.old + self.separator)
            is_left, is_gone = row.old in own, row.old not in nodes
            if is_nested and row.new in own:
                # What is below the new name is below the old one, too.
                ends = row.old, row.new
                places = [
                    [self._is_at(n, end) for end in ends] for n in corpus | others
                ]
                is_left = any(old and not new for old, new in places)
                is_gone = not is_left
            if is_gone:
                del self.rows[row.old]
            if is_gone and row.new not in nodes:
                similar = find_similar(row.old, nodes)
                text = JobErrors.L736.format(
                    where=row.where, old=row.old, similar=similar
                )
                raise ValueError(text)
            begun += [row] if row.new in own and (is_nested or not is_left) else []
            done += [row] if is_gone else []
        self._check_again(begun, corpus)
        return done

    def _spell(self, row: Rename, nodes: Set[str]) -> Rename:
        """RETURNS (Rename): With the old name as it's spelled in the corpus."""
        if row.old in nodes:
            return row
        segments = row.old.split(self.separator)
        clean = self.separator.join(map(clean_segment, segments))
        if clean in nodes:
            del self.rows[row.old]
            row = self.rows[clean] = row._replace(old=clean)
        return row

    def _check_again(self, rows: List[Rename], corpus: Set[str]) -> None:
        """RAISES (ValueError): L744 if what has one of these new names, or is below it,
        gets another one.
        """
        moving = {label for label in corpus if self._translate(label) != label}
        nodes = self._find_nodes(moving)
        for row in rows:
            if row.new in nodes:
                label = min(n for n in moving if self._is_at(n, row.new))
                again = self._translate(label)
                text = JobErrors.L744.format(
                    where=row.where,
                    old=row.old,
                    new=row.new,
                    label=label,
                    again=again,
                )
                raise ValueError(text)

    def _find_nodes(self, labels: Iterable[str]) -> Set[str]:
        """RETURNS (Set[str]): Labels and the nodes above them."""
        join = self.separator.join
        paths = (label.split(self.separator) for label in labels)
        return {join(path[:n]) for path in paths for n in range(1, len(path) + 1)}

    def _is_at(self, label: str, node: str) -> bool:
        return label == node or label.startswith(node + self.separator)

    def find_sources(self, labels: Iterable[str]) -> Dict[str, Set[str]]:
        """RETURNS (Dict[str, Set[str]]): What each label was called that is new or has
        been merged.
        """
        sources = defaultdict(set)
        for label in labels:
            sources[self.translate(label)].add(label)
        return {new: olds for new, olds in sources.items() if olds != {new}}

    def rename_cats(
        self, cats: Dict[str, Any], sources: Dict[str, Set[str]]
    ) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The cats with new names. A document has a merged
        label if it has one of its parts, and hasn't if it's said of all of them.
        """
        renamed: Dict[str, Any] = {}
        for label, value in cats.items():
            new = self.translate(label)
            if value == 0 and not sources.get(new, {label}) <= cats.keys():
                continue
            renamed[new] = max(value, renamed.get(new, value))
        return renamed

    def rename_descriptions(self, records: List[RecordT]) -> List[RecordT]:
        """RETURNS (List[Dict[str, str]]): Descriptions and titles of the labels as they
        are called now. Of labels that are merged, those of one that keeps its name;
        else all.
        """
        found: Dict[str, Dict[str, RecordT]] = {}
        for record in records:
            old = record["label"]
            found.setdefault(self.translate(old), {})[old] = record
        renamed = []
        for new, parts in found.items():
            own = [parts[new]] if new in parts else list(parts.values())
            keys = [k for k in (DESCRIPTION, *OPTIONAL) if any(k in r for r in own)]
            texts = {k: dict.fromkeys(r[k] for r in own if k in r) for k in keys}
            renamed.append({"label": new, **{k: " ".join(texts[k]) for k in keys}})
        return renamed


def read_renames(path: Optional[Path], columns: Columns) -> Renames:
    """Read a table of new names.

    path (Optional[Path]): Any table. None for no new names.
    columns (Columns): Says how paths are written.
    RAISES (ValueError): L734 if the columns are missing, L735 if a name is, L737 if a
        category has several new names, and those of a table.
    """
    if path is None:
        return Renames(separator=columns.separator)
    table = open_table(Path(path))
    missing = [name for name in (OLD, NEW) if table.columns.count(name) != 1]
    if missing:
        shown = ", ".join(map(repr, table.columns[:10])) or "none"
        text = JobErrors.L734.format(path=path, column=missing[0], columns=shown)
        raise ValueError(text)
    rows: Dict[str, Rename] = {}
    for number, cells in table.rows((OLD, NEW)):
        where = table.where(number)
        row = _read_row(cells, where, columns)
        if row is None:
            continue
        first = rows.setdefault(row.old, row)
        if first.new != row.new:
            text = JobErrors.L737.format(
                where=where, old=row.old, first=first.new, second=row.new
            )
            raise ValueError(text)
    return Renames(rows.values(), columns.separator)


def _read_row(cells: Tuple[Any, ...], where: str, columns: Columns) -> Optional[Rename]:
    inner = columns.path_separator or columns.separator
    paths = [to_segment(cell, where, lambda name: None).split(inner) for cell in cells]
    # In the corpus, an old name can be spelled in any way.
    names = [list(map(str.strip, paths[0])), list(map(clean_segment, paths[1]))]
    if names == [[""], [""]]:
        return None
    for column, segments in zip((OLD, NEW), names):
        wrong = not all(segments) or columns.separator in "".join(segments)
        if wrong and (column == NEW or segments == [""]):
            raise ValueError(JobErrors.L735.format(where=where, column=column))
    old, new = map(columns.separator.join, names)
    return Rename(old, new, where)
