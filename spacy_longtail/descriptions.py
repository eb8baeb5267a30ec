import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

from .errors import Errors
from .taxonomy import Taxonomy, find_similar

# Plain records with the keys "label", "description" and "source" (file and line, for
# messages): spaCy passes what a reader returns through a validator that would turn
# anything finer into plain data.
RecordT = Dict[str, str]
DescriptionsT = Union[List[RecordT], Mapping[str, str]]


def make_label_descriptions(path: Optional[Path] = None) -> List[RecordT]:
    """Read descriptions of labels, one JSON object a line:
    {"label": "banking/transfer", "description": "…"}.

    Registered as "spacy-longtail.LabelDescriptions.v1", for [initialize] blocks.

    path (Optional[Path]): UTF-8 file. None gives no descriptions: the words of the
        labels serve then.
    RETURNS (List[Dict[str, str]]): Records of "label", "description" and "source",
        in the order of the file. Empty lines are skipped.
    RAISES (ValueError): L020, L021 or L023 with file and line.
    """
    if path is None:
        return []
    path = Path(path)
    if not path.is_file():
        raise ValueError(Errors.L023.format(path=path))
    lines = path.read_bytes().splitlines()
    records: Dict[str, RecordT] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = _parse(line, f"{path}, line {number}")
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
        unknown.
    """
    if isinstance(descriptions, Mapping):
        descriptions = [
            {"label": label, "description": text}
            for label, text in descriptions.items()
        ]
    texts: Dict[str, str] = {}
    for record in descriptions:
        found = {**_check_record(record, "descriptions"), **record}
        if found["label"] not in taxonomy.ranges:
            similar = find_similar(found["label"], taxonomy.nodes)
            text = Errors.L022.format(
                source=found["source"], label=found["label"], similar=similar
            )
            raise ValueError(text)
        texts[found["label"]] = found["description"]
    return texts


def _parse(line: bytes, source: str) -> RecordT:
    try:
        # Some editors on Windows put a byte order mark first.
        data = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        text = Errors.L020.format(source=source, problem="it isn't UTF-8")
        raise ValueError(text) from None
    except json.JSONDecodeError as error:
        text = Errors.L020.format(source=source, problem=f"it isn't JSON ({error})")
        raise ValueError(text) from None
    return _check_record(data, source)


def _check_record(data: Any, source: str) -> RecordT:
    if not isinstance(data, dict):
        problem = f"found {type(data).__name__} instead of an object"
        raise ValueError(Errors.L020.format(source=source, problem=problem))
    for key in ("label", "description"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            problem = f"'{key}' is missing, empty or not a string"
            raise ValueError(Errors.L020.format(source=source, problem=problem))
    return {
        "label": data["label"],
        "description": data["description"],
        "source": source,
    }
