from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

from .code_tables import is_code_table, match_codes, read_codes
from .errors import Errors
from .spelling import find_similar
from .tables.jsonl import parse_lines
from .taxonomy import Taxonomy

# Plain records with the keys "label", "description" and "source" (file and line, for
# messages); those of a table have "code" in place of "label". They can have a "title",
# what the label is called in place of its last segment, and what is "above" it. spaCy
# passes what a reader returns through a validator that would turn anything finer into
# plain data.
RecordT = Dict[str, str]
OPTIONAL = ("title", "above")
DescriptionsT = Union[List[RecordT], Mapping[str, str]]


def make_label_descriptions(path: Optional[Path] = None) -> List[RecordT]:
    """Read descriptions of labels, one JSON object a line:
    {"label": "banking/transfer", "description": "…"}. Or a table of codes and titles,
    as .csv, .tsv, .xlsx, .parquet or .jsonl, with the columns "code" and "title".

    A code is that of the path of a label or of its last segment, punctuation or not. A
    table may have more codes than there are labels.

    An object can have a "title", too, which is the name of a label that is a code, and
    "above", the titles of the nodes above it.

    Registered as "spacy-longtail.LabelDescriptions.v1", for [initialize] blocks.

    path (Optional[Path]): UTF-8 file. None gives no descriptions: the words of the
        labels serve then.
    RETURNS (List[Dict[str, str]]): Records of "label", "description" and "source",
        in the order of the file. Empty lines are skipped. Those of a table have "code"
        in place of "label".
    RAISES (ValueError): L020, L021 or L023 with file and line; see also read_codes.
    """
    if path is None:
        return []
    path = Path(path)
    if not path.is_file():
        raise ValueError(Errors.L023.format(path=path))
    if is_code_table(path):
        return read_codes(path)
    records: Dict[str, RecordT] = {}
    for number, data in parse_lines(path.read_bytes().splitlines()):
        found = _check_record(data, f"{path}, line {number}")
        first = records.setdefault(found["label"], found)
        if first is not found:
            text = Errors.L021.format(
                source=found["source"], label=found["label"], first=first["source"]
            )
            raise ValueError(text)
    return list(records.values())


def check_descriptions(
    descriptions: DescriptionsT, taxonomy: Taxonomy
) -> Dict[str, str]:
    """Check that each description is of a node of the taxonomy.

    descriptions (DescriptionsT): What make_label_descriptions returns, or a dict of
        labels and texts.
    RETURNS (Dict[str, str]): Text of each described node.
    RAISES (ValueError): L020 if a label or text is missing, L022 if a label is
        unknown, L021, L669 or L670 for a table, see match_codes.
    """
    checked = []
    for record in _list_records(descriptions):
        found = _check_record(record, "descriptions")
        checked.append({**found, "source": record.get("source", found["source"])})
    codes = match_codes([found for found in checked if "code" in found], taxonomy)
    texts = {node: found["description"] for node, found in codes.items()}
    for found in checked:
        if "code" in found:
            continue
        if found["label"] not in taxonomy.ranges:
            similar = find_similar(found["label"], taxonomy.nodes)
            text = Errors.L022.format(
                source=found["source"], label=found["label"], similar=similar
            )
            raise ValueError(text)
        texts[found["label"]] = found["description"]
    return texts


def get_titles(descriptions: DescriptionsT) -> Dict[str, List[str]]:
    """RETURNS (Dict[str, List[str]]): The title of each label that is described with
    one, and what is above it, "" for nothing.
    """
    records = [r for r in _list_records(descriptions) if isinstance(r, dict)]
    return {
        record["label"]: [record["title"], record.get("above", "")]
        for record in records
        if record.get("title") and record.get("label")
    }


def get_described(descriptions: DescriptionsT) -> List[str]:
    """RETURNS (List[str]): What is described. RAISES (ValueError): L020."""
    records = _list_records(descriptions)
    found = [_check_record(record, "descriptions") for record in records]
    return [record.get("label") or record["code"] for record in found]


def _list_records(descriptions: Any) -> List[Any]:
    if isinstance(descriptions, Mapping):
        return [{"label": label, "description": t} for label, t in descriptions.items()]
    if isinstance(descriptions, (list, tuple)):
        return list(descriptions)
    # Neither a list nor a dict, so not a record either: the error says so.
    return [descriptions]


def _check_record(data: Any, source: str) -> RecordT:
    if isinstance(data, UnicodeDecodeError):
        problem = "it isn't UTF-8"
    elif isinstance(data, ValueError):
        problem = f"it isn't JSON ({data})"
    elif not isinstance(data, dict):
        problem = f"found {type(data).__name__} instead of an object"
    else:
        is_code = "code" in data and "label" not in data
        keys = ("code" if is_code else "label", "description")
        texts: Dict[str, Any] = {key: data.get(key) for key in keys}
        wrong = [k for k, v in texts.items() if not isinstance(v, str) or not v.strip()]
        if not wrong:
            more = {k: data[k] for k in OPTIONAL if isinstance(data.get(k), str)}
            return {**texts, **more, "source": source}
        problem = f"'{wrong[0]}' is missing, empty or not a string"
    raise ValueError(Errors.L020.format(source=source, problem=problem))
