"""The columns that a pipeline adds to a table."""

from dataclasses import dataclass
from typing import Any, List, Optional, Sequence, Tuple

import numpy

from ..errors import JobErrors
from ..pipeline.stored_batch import StoredBatch, TextSlices
from ..tables.chunks import to_values

# Before our names, where one is taken.
PREFIX = "predicted_"
VERSION = "model_version"
PHASES = ("both", "first", "second")
ROUTED = "routed"


@dataclass(frozen=True)
class BatchOptions:
    """What a table of texts is labelled with. Plain values, for other processes.

    text (Tuple[str, ...]): Columns of the text, joined by a line break.
    pipe (Optional[str]): Name of the component, if there are several.
    top (int): How many candidates are written, from 0.
    several (Optional[bool]): Whether there is a column of all labels of a document, as
        a list. By default, there is if it can have several.
    prefix (Optional[str]): What our columns begin with. By default nothing, or
        "predicted_" if a column of the table has the name of one of them.
    phase (str): "both" stages. "first" is the first one alone, and says in a column
        "routed" which rows the second one has to see; "second" takes such a table, and
        gives what "both" gives.
    RAISES (ValueError): L701 if a value can't be used.
    """

    text: Tuple[str, ...] = ("text",)
    pipe: Optional[str] = None
    top: int = 3
    several: Optional[bool] = None
    prefix: Optional[str] = None
    phase: str = "both"

    def __post_init__(self) -> None:
        text = (self.text,) if isinstance(self.text, str) else tuple(self.text)
        object.__setattr__(self, "text", text)
        if not text or len(set(text)) < len(text):
            expected = "one or more different columns"
            raise make_option_error("text", expected, list(text))
        if isinstance(self.top, bool) or not isinstance(self.top, int) or self.top < 0:
            raise make_option_error("top", "a whole number of at least 0", self.top)
        if self.phase not in PHASES:
            raise make_option_error("phase", f"one of {', '.join(PHASES)}", self.phase)


def make_option_error(name: str, expected: str, found: Any) -> ValueError:
    """RETURNS (ValueError): L701."""
    text = JobErrors.L701.format(name=name, expected=expected, found=found)
    return ValueError(text)


class ResultColumns:
    """The columns of a pipeline's answers, and how they are made.

    top (int): Candidates.
    depth (int): Levels of the deepest label.
    several (bool): Whether there is a list of labels.
    """

    def __init__(self, top: int, depth: int, several: bool) -> None:
        self.top = top
        # The levels of labels without any above them say nothing new.
        self.depth = depth if depth > 1 else 0
        self.several = several

    def make_schema(self, prefix: str = "", is_first: bool = False) -> Any:
        """RETURNS (pyarrow.Schema): Names and types.

        is_first (bool): With what the first phase has to say.
        """
        import pyarrow as pa

        fields = [("label", pa.string())]
        fields += [("labels", pa.list_(pa.string()))] if self.several else []
        fields += [(f"level_{i + 1}", pa.string()) for i in range(self.depth)]
        fields += [("probability", pa.float64()), ("known", pa.float64())]
        fields += [("stage", pa.string()), ("reason", pa.string())]
        for rank in range(self.top):
            name = f"candidate_{rank + 1}"
            fields += [(name, pa.string()), (f"{name}_probability", pa.float64())]
        fields += [(VERSION, pa.string()), ("error", pa.string())]
        fields += [(ROUTED, pa.bool_())] if is_first else []
        return pa.schema([(prefix + name, kind) for name, kind in fields])

    def make_arrays(self, decisions: List[Any], more: Sequence[Any]) -> List[Any]:
        """Make the columns up to the candidates.

        decisions (List[Any]): What the documents store, or what get_stored returns.
        more (Sequence[Any]): All candidates of each document, as pairs of a label and
            its probability, if the documents store too few of them.
        RETURNS (List[pyarrow.Array]): One for each.
        """
        import pyarrow as pa

        found = StoredBatch(decisions)
        heads = found.heads
        arrays = [_to_strings(found.labels)]
        if self.several:
            counts, labels = found.get_all_labels()
            ends = numpy.concatenate([[0], numpy.cumsum(counts)]).astype("int32")
            arrays.append(pa.ListArray.from_arrays(ends, _to_strings(labels)))
        arrays += [_to_strings(found.get_level(i)) for i in range(self.depth)]
        arrays += [pa.array(heads["probability"]), pa.array(heads["known"])]
        arrays += [_to_strings(found.stages), _to_strings(found.reasons)]
        for rank in range(self.top):
            if more:
                pairs = [own[rank] if rank < len(own) else (None, None) for own in more]
                names, shares = zip(*pairs) if pairs else ((), ())
                arrays.append(pa.array(names, pa.string()))
                arrays.append(pa.array(shares, pa.float64()))
                continue
            names = found.get_candidate(rank)
            shares = found.get_candidate_probability(rank)
            arrays.append(_to_strings(names))
            arrays.append(pa.array(shares, mask=~names.is_there))
        return arrays


def make_output_schema(schema: Any, results: Any, prefix: Optional[str]) -> Any:
    """Put the columns of a table and ours together.

    schema (pyarrow.Schema): That of the table.
    results (pyarrow.Schema): Ours, without a prefix.
    prefix (Optional[str]): See BatchOptions.
    RETURNS (pyarrow.Schema): All columns of the table, then ours.
    RAISES (ValueError): L702 if the table has columns of these names.
    """
    import pyarrow as pa

    names = set(schema.names)
    if prefix is None:
        prefix = PREFIX if names.intersection(results.names) else ""
    ours = [field.with_name(prefix + field.name) for field in results]
    taken = [field.name for field in ours if field.name in names]
    if taken:
        raise ValueError(JobErrors.L702.format(taken=taken, prefix=prefix))
    return pa.schema([*schema, *ours], metadata=schema.metadata)


def check_first(schema: Any, first: Any) -> None:
    """RAISES (ValueError): L705 if a table isn't of the first phase.

    schema (pyarrow.Schema): That of the table.
    first (pyarrow.Schema): What the first phase adds, without a prefix.
    """
    found = list(schema)[-len(first) :]
    prefix = found[0].name.removesuffix(first[0].name) if found else ""
    if found != [field.with_name(prefix + field.name) for field in first]:
        raise ValueError(JobErrors.L705.format(columns=schema.names, first=first.names))


def replace_rows(old: Sequence[Any], new: Sequence[Any], is_new: Any) -> List[Any]:
    """RETURNS (List[pyarrow.Array]): Columns in which some rows are new ones.

    new (Sequence[pyarrow.Array]): The new rows alone, one after the other.
    is_new (pyarrow.BooleanArray): Which rows they take the place of.
    """
    import pyarrow as pa

    rows = numpy.flatnonzero(is_new.to_numpy(zero_copy_only=False))
    places = numpy.arange(len(is_new))
    places[rows] = len(is_new) + numpy.arange(len(rows))
    return [pa.concat_arrays(pair).take(places) for pair in zip(old, new)]


def collect_texts(batch: Any, names: Sequence[str]) -> List[Optional[str]]:
    """Read the texts of a table.

    batch (pyarrow.RecordBatch): Some of its rows.
    names (Sequence[str]): Columns, joined by a line break.
    RETURNS (List[Optional[str]]): None for a row without a text.
    """
    columns = [to_values(batch.column(name)) for name in names]
    if len(columns) == 1:
        return [_to_text(value) for value in columns[0]]
    return [_join(values) for values in zip(*columns)]


def check_text(schema: Any, names: Sequence[str]) -> None:
    """RAISES (ValueError): L703 if the table has no such column, L704 if it has several
    of the name, or it's of a type that isn't text.
    """
    import pyarrow.types as kinds

    for name in names:
        indices = schema.get_all_field_indices(name)
        if not indices:
            columns = ", ".join(map(repr, schema.names)) or "none"
            raise ValueError(JobErrors.L703.format(column=name, columns=columns))
        kind = schema.field(indices[0]).type
        inner = kind.value_type if kinds.is_dictionary(kind) else kind
        tests = [kinds.is_string, kinds.is_large_string, kinds.is_integer]
        tests += [kinds.is_floating, kinds.is_decimal, kinds.is_date, kinds.is_null]
        is_text = any(test(inner) for test in tests) or str(inner) == "string_view"
        if len(indices) > 1 or not is_text:
            found = f"{len(indices)} columns" if len(indices) > 1 else f"type {kind}"
            raise ValueError(JobErrors.L704.format(column=name, found=found))


def _to_text(value: Any) -> Optional[str]:
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    return None if value is None or value != value else str(value)


def _join(values: Sequence[Any]) -> Optional[str]:
    return "\n".join(filter(None, map(_to_text, values))) or None


def _to_strings(texts: TextSlices) -> Any:
    """RETURNS (pyarrow.StringArray): The texts, copied one after the other."""
    import pyarrow as pa

    ends = numpy.cumsum(texts.sizes)
    offsets = numpy.zeros(len(ends) + 1, dtype="int32")
    offsets[1:] = ends
    shifts = numpy.repeat(texts.starts - offsets[:-1], texts.sizes)
    data = texts.buffer[shifts + numpy.arange(len(shifts))]
    mask, n_missing = None, int((~texts.is_there).sum())
    if n_missing:
        mask = pa.py_buffer(numpy.packbits(texts.is_there, bitorder="little"))
    buffers = pa.py_buffer(offsets), pa.py_buffer(data), mask
    return pa.StringArray.from_buffers(len(ends), *buffers, n_missing)
