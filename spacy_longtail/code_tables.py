"""Tables of codes and their titles, like those that statistical offices publish."""

import json
import re
import warnings
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .errors import Errors, Warnings
from .tables import Table, is_table, open_table
from .tables.cells import check_characters, is_missing
from .taxonomy import Taxonomy

# Names of columns: of what is described, and of what describes it.
CODES, TITLES = ("code", "label"), ("title", "name", "label", "description")
# Between the cells of CSV.
DELIMITERS = (",", ";", "\t", "|")
WORDS = re.compile(r"[^\W_]+")
NUMBER = re.compile(r"0*(\d+?)(?:\.(\d*?)0*)?")
# Codes that a message names.
N_NAMED = 3
JSON = (".json", ".jsonl", ".ndjson")
N_RULES = 5

RecordT = Dict[str, str]


def is_code_table(path: Path) -> bool:
    """RETURNS (bool): Whether it's a table in place of JSON lines with a "label"."""
    if not is_table(path) or path.suffix.lower() not in JSON:
        return is_table(path)
    first = _read_line(path)
    if first.lstrip().startswith("["):
        return path.suffix.lower() == ".json"
    try:
        keys = json.loads(first)
    except ValueError:
        return False
    return isinstance(keys, dict) and "label" not in keys and _has_code(list(keys))


def read_codes(path: Path) -> List[Dict[str, str]]:
    """Read a table of codes and titles.

    Its columns are found by their names, in any case: "code" or "label", and one or
    more of "title", "name" and "description", or the only other one; "label" is a title
    where there is a "code". A name may have other words beside these, as "ICD code".

    path (Path): CSV with a comma, semicolon or tab, or any other table.
    RETURNS (List[Dict[str, str]]): Records of "code", "description" and "source".
    RAISES (ValueError): L021 for a code that is there twice, L667 if the columns aren't
        found, L668 if a code has no title, and those of a table.
    """
    table, code, titles = _open(path)
    records: Dict[str, RecordT] = {}
    for number, values in table.rows([code, *titles]):
        where = table.where(number)
        name, *texts = (read_cell_text(value, where) for value in values)
        text = ": ".join(dict.fromkeys(filter(None, texts)))
        if not name and not text:
            continue
        if not name or not text:
            found = f"the title {text!r}" if text else f"the code {name!r}"
            raise ValueError(Errors.L668.format(where=where, found=found))
        _add(records, name, {"code": name, "description": text, "source": where})
    return list(records.values())


def match_codes(records: Sequence[RecordT], taxonomy: Taxonomy) -> Dict[str, RecordT]:
    """Find which node each code means: that with this path, else with this last
    segment; else that with the same letters and digits, as "D1508" means "D/15/08";
    else that of the same number, as spreadsheets write 111 for "0111".

    RETURNS (Dict[str, Dict[str, str]]): The record of each node that has one. Warns
        with LW507 of codes that mean no node, with LW508 of those that lost a zero.
    RAISES (ValueError): L021 if two mean the same node, L669 if one can mean several,
        L670 if none means any.
    """
    rules = _index_nodes(taxonomy)
    matches = [_find_node(record, rules) for record in records]
    if records and not any(node for _, node in matches):
        codes, labels = (
            ", ".join(map(repr, names[:N_NAMED]))
            for names in ([r["code"] for r in records], taxonomy.leaves)
        )
        text = Errors.L670.format(
            source=records[0]["source"], n=len(records), codes=codes, labels=labels
        )
        raise ValueError(text)
    matched: Dict[str, RecordT] = {}
    # What is written alike goes before what is only similar.
    for wanted in range(len(rules)):
        taken = set(matched)
        for record, (rule, node) in zip(records, matches):
            if rule == wanted and node not in taken:
                _add(matched, node, record)
    _warn_of_codes(records, matches, matched)
    return matched


def _index_nodes(taxonomy: Taxonomy) -> List[Dict[str, List[str]]]:
    """RETURNS (List[Dict[str, List[str]]]): By each rule, the nodes of a spelling."""
    rules: List[Dict[str, List[str]]] = [{} for _ in range(N_RULES)]
    for node in taxonomy.nodes:
        segment = node.rpartition(taxonomy.separator)[2]
        whole = node.replace(taxonomy.separator, "")
        number = _get_number(segment) or _get_number(whole)
        alike = (_spell(name) for name in (node, segment))
        spellings = [{node}, {segment}, *({a, a.replace(".", "")} for a in alike)]
        for rule, names in zip(rules, [*spellings, {number}]):
            for name in filter(None, names):
                rule.setdefault(name, []).append(node)
    return rules


def _find_node(record: RecordT, rules: List[Dict[str, List[str]]]) -> Tuple[int, str]:
    """RETURNS (Tuple[int, str]): The rule and the node that it finds, "" for none."""
    code = record["code"]
    spelled = _spell(code)
    if spelled.startswith("0"):
        spelled = spelled.replace(".", "")
    names = [code, code, spelled, spelled, _get_number(code)]
    for number, (rule, name) in enumerate(zip(rules, names)):
        nodes = rule.get(name, [])
        # A number is a guess, which isn't worth an error.
        if len(nodes) > 1 and number < N_RULES - 1:
            text = Errors.L669.format(
                source=record["source"], code=code, n=len(nodes), nodes=nodes[:2]
            )
            raise ValueError(text)
        if len(nodes) == 1:
            return number, nodes[0]
    return N_RULES, ""


def _spell(name: str) -> str:
    """RETURNS (str): What is left without punctuation and case. A number keeps its
    point, as 1.1 can be what a spreadsheet made of 01.10, and isn't 11.
    """
    parts = WORDS.findall(name.casefold())
    return (".".join if all(map(str.isdecimal, parts)) else "".join)(parts)


def _get_number(name: str) -> str:
    number = NUMBER.fullmatch(name)
    return ".".join(filter(None, number.groups())) if number else ""


def _warn_of_codes(
    records: Sequence[RecordT],
    matches: Sequence[Tuple[int, str]],
    matched: Dict[str, RecordT],
) -> None:
    unknown, numbers = [], []
    for record, (rule, node) in zip(records, matches):
        if matched.get(node) is not record:
            unknown.append(record["code"])
        elif rule == N_RULES - 1:
            numbers.append(f"{record['code']} for {node!r}")
    source = records[0]["source"] if records else ""
    if unknown:
        text = Warnings.LW507.format(
            source=source, n=len(unknown), total=len(records), codes=unknown[:N_NAMED]
        )
        warnings.warn(text, stacklevel=3)
    if numbers:
        shown = ", ".join(numbers[:N_NAMED])
        text = Warnings.LW508.format(source=source, n=len(numbers), codes=shown)
        warnings.warn(text, stacklevel=3)


def _open(path: Path) -> Tuple[Table, str, List[str]]:
    """RETURNS (Tuple[Table, str, List[str]]): The table, and the names of its columns
    of codes and of titles.
    """
    table = open_codes(path)
    found = _choose_columns(table.columns)
    if found is None:
        columns = ", ".join(map(repr, table.columns)) or "none"
        raise ValueError(Errors.L667.format(path=path, problem=f"columns {columns}"))
    return table, found[0], found[1]


def open_codes(path: Path, **dialect: Any) -> Table:
    """Open a table. The delimiter of CSV is found, unless it's given.

    dialect (Any): See tables.open_table.
    RAISES (ValueError): L667 for text that isn't UTF-8, and those of a table.
    """
    is_csv = path.suffix.lower() == ".csv" and path.is_file()
    if is_csv and not dialect.get("delimiter"):
        first = _read_line(path)
        dialect["delimiter"] = max(DELIMITERS, key=first.count)
    try:
        return open_table(path, **dialect)
    except ValueError as error:
        if "[L615]" not in str(error) or "encoding" in dialect:
            raise
        # Its advice is about options of the commands.
        problem = "text that isn't UTF-8 (Excel saves that as 'CSV UTF-8')"
        raise ValueError(Errors.L667.format(path=path, problem=problem)) from None


def _read_line(path: Path) -> str:
    """RETURNS (str): The first line that isn't empty."""
    with path.open("rb") as lines:
        return next(filter(bytes.strip, lines), b"").decode("utf-8-sig", "ignore")


def _has_code(columns: List[str]) -> bool:
    return _choose_columns(columns) is not None


def _choose_columns(columns: List[str]) -> Optional[Tuple[str, List[str]]]:
    for name in CODES:
        for code in find_named(columns, name):
            others = [column for column in columns if column != code]
            titles = [c for title in TITLES for c in find_named(others, title)]
            # Whatever the only other one is called, as in other languages.
            titles = titles or (others if len(others) == 1 else [])
            if titles:
                return code, list(dict.fromkeys(titles))
    return None


def find_named(columns: List[str], name: str) -> List[str]:
    """RETURNS (List[str]): The column of the name, or the only one that has it among
    its words.
    """
    words = {column: WORDS.findall(column.casefold()) for column in columns}
    exact = [column for column in columns if words[column] == [name]]
    return exact[:1] or (
        has if len(has := [c for c in columns if name in words[c]]) == 1 else []
    )


def read_cell_text(value: Any, where: str) -> str:
    if is_missing(value):
        return ""
    is_whole = isinstance(value, float) and value.is_integer()
    text = " ".join(str(int(value) if is_whole else value).split())
    check_characters(text, where)
    return text


def _add(records: Dict[str, RecordT], label: str, record: RecordT) -> None:
    first = records.setdefault(label, record)
    if first is not record:
        text = Errors.L021.format(
            source=record["source"], label=label, first=first["source"]
        )
        raise ValueError(text)
