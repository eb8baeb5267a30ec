"""What another system gives the same documents: another pipeline, or tables of what one
has predicted.
"""

from collections import defaultdict, deque
from pathlib import Path
from typing import (
    Any,
    Deque,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from spacy.language import Language
from spacy.tokens import Doc

from ..batch.columns import VERSION
from ..errors import JobErrors
from ..evaluation.pipes import find_fallback, find_pipe, find_rivals, name_pipeline
from ..pipeline.decision import get_stored
from ..tables import Table, is_table, open_table
from ..tables.cells import is_missing, to_list
from ..tables.source import MANIFEST
from ..texts import hash_text

# What `predict` calls its columns, with the prefix that it takes if a name is taken.
PREFIXES = ("predicted_", "")
# From which probability on a component of spaCy's gives one of several labels.
THRESHOLD = 0.5
N_SHOWN = 60


class OtherSystem(NamedTuple):
    """What another system gives.

    name (str): What people call it.
    given (List[List[str]]): The labels of each document, none if it abstained.
    known (Optional[Set[str]]): Labels that it can give. None if that isn't known.
    n_trained (Optional[int]): How many of the documents have a text that it was trained
        on. None if that isn't known.
    """

    name: str
    given: List[List[str]]
    known: Optional[Set[str]] = None
    n_trained: Optional[int] = None


def run_other(nlp: Language, texts: Sequence[str], several: bool) -> OtherSystem:
    """Run another pipeline. It needs no component of this package: one that writes
    `doc.cats` will do.

    several (bool): Whether a document can have several labels.
    RAISES (ValueError): L514 if it isn't clear which component is meant.
    """
    full = " ".join(filter(None, name_pipeline(nlp)))
    own = [name for name, pipe in nlp.pipeline if hasattr(pipe, "get_raw_scores")]
    if not own:
        given = [_read_cats(doc, several) for doc in nlp.pipe(texts)]
        names = (set(getattr(pipe, "labels", ())) for _, pipe in nlp.pipeline)
        return OtherSystem(full, given, set().union(*names))
    name = find_pipe(nlp)
    pipe: Any = nlp.get_pipe(name)
    last: Any = nlp.get_pipe(find_fallback(nlp, name) or name)
    given = []
    for doc in nlp.pipe(texts, disable=find_rivals(nlp, name)):
        decision = get_stored(doc)
        label = decision["label"]
        labels = decision.get("labels", [label]) if several else [label]
        given.append([] if label is None else list(labels))
    docs = [nlp.make_doc(text) for text in texts]
    return OtherSystem(full, given, set(last.taxonomy.leaves), pipe.trained.count(docs))


def read_other(
    path: Path, texts: Sequence[str], several: bool, columns: Sequence[str]
) -> OtherSystem:
    """Read what was predicted, as `predict` writes it: a file, or a folder of them.

    texts (Sequence[str]): Of the documents. Equal ones are found in the order of the
        tables.
    columns (Sequence[str]): Those of the text, joined by a line break.
    RAISES (ValueError): L762 without a table, L763 without a column of labels, L764 if
        a text isn't there; see also open_table.
    """
    rows: Dict[int, Deque[List[str]]] = defaultdict(deque)
    versions: Set[str] = set()
    for found in _find_tables(path):
        for text, labels, version in _read_rows(open_table(found), columns, several):
            rows[hash_text(text)].append(labels)
            versions.update(filter(None, [version]))
    lacking = [text for text in texts if hash_text(text) not in rows]
    if lacking:
        message = JobErrors.L764.format(
            path=path, n=len(lacking), n_docs=len(texts), text=lacking[0][:N_SHOWN]
        )
        raise ValueError(message)
    given = []
    for text in texts:
        same = rows[hash_text(text)]
        given.append(same.popleft() if len(same) > 1 else same[0])
    return OtherSystem(versions.pop() if len(versions) == 1 else path.name, given)


def is_predicted(path: Path) -> bool:
    """RETURNS (bool): Whether it's a table or a folder of them, and no pipeline."""
    if path.is_dir():
        return not (path / "config.cfg").is_file()
    return path.is_file()


def _read_cats(doc: Doc, several: bool) -> List[str]:
    if several:
        return [label for label, value in doc.cats.items() if value >= THRESHOLD]
    best = max(doc.cats, key=doc.cats.__getitem__, default=None)
    return [] if best is None or not doc.cats[best] > 0 else [best]


def _find_tables(path: Path) -> List[Path]:
    if not path.is_dir():
        return [path]
    tables = [
        found
        for found in sorted(path.rglob("*"))
        if found.is_file() and is_table(found) and found.name != MANIFEST
        if found.name[0] not in "._"
    ]
    if not tables:
        raise ValueError(JobErrors.L762.format(path=path))
    return tables


def _read_rows(
    table: Table, columns: Sequence[str], several: bool
) -> Iterable[Tuple[str, List[str], Optional[str]]]:
    """YIELDS (Tuple[str, List[str], Optional[str]]): Text, labels, and what they are
    from.
    """
    table.check_columns(columns, "--text")
    names = [prefix + name for prefix in PREFIXES for name in ("label", "labels")]
    wanted = [name for name in names if name in table.columns]
    # A column of lists has all labels.
    lists = [name for name in wanted if name.endswith("labels")]
    wanted = (lists if several else [n for n in wanted if n not in lists]) or wanted
    if not wanted:
        found = ", ".join(map(repr, table.columns))
        raise ValueError(JobErrors.L763.format(path=table.path, columns=found))
    label = wanted[0]
    prefix = label.rpartition("label")[0]
    more = [VERSION] if prefix + VERSION in table.columns else []
    names = [*columns, label, *(prefix + name for name in more)]
    for number, values in table.rows(names):
        cells = values[: len(columns)]
        text = "\n".join(str(cell) for cell in cells if not is_missing(cell))
        labels = _to_labels(values[len(columns)], label in lists, table, number)
        version = str(values[-1]) if more and not is_missing(values[-1]) else None
        yield text, labels, version


def _to_labels(value: Any, is_list: bool, table: Table, number: int) -> List[str]:
    if is_missing(value):
        return []
    if not is_list:
        return [str(value)]
    cells = to_list(value, table.where(number), None if table.has_lists else ";")
    return [str(cell) for cell in cells if not is_missing(cell)]
