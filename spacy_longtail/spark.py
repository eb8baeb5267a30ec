"""Label the texts of a Spark DataFrame, on its executors."""

import gc
import hashlib
import socket
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from spacy.language import Language
from spacy.util import is_package

from . import __version__
from .batch import BatchClassifier, BatchOptions, load_classifier
from .batch.columns import ROUTED, make_output_schema
from .errors import JobErrors
from .evaluation.pipes import find_fallback, find_pipe
from .loading import read_whole
from .pipeline.decision import ABSTAINED

__all__ = ["classify"]

# Types of Spark, as those of Arrow, that a text or one of our columns can have.
TYPES = {
    **dict.fromkeys(("string", "varchar", "char"), "string"),
    **dict.fromkeys(("byte", "short", "integer", "long"), "int64"),
    **dict.fromkeys(("float", "double", "decimal"), "float64"),
    **{"date": "date32", "void": "null", "boolean": "bool_"},
}
# A column that is only there to be counted.
COUNTED = "spacy_longtail_routed"
# Classifiers of the pipeline that this worker has loaded. It does one task at a time,
# and many one after another.
_LOADED: Dict[str, Dict[BatchOptions, BatchClassifier]] = {}


def classify(
    df: Any,
    pipeline: Union[str, Path, Language],
    text_col: Union[str, Sequence[str]] = "text",
    *,
    pipe: Optional[str] = None,
    top: int = 3,
    several: Optional[bool] = None,
    prefix: Optional[str] = None,
    phase: str = "both",
    two_phases: bool = False,
    partitions: Optional[int] = None,
    observe: Any = None,
) -> Any:
    """Label the texts of a DataFrame. What is wrong with its columns, with an option or
    with the pipeline is said on the driver, before a job is started.

    df (pyspark.sql.DataFrame): Its columns stay as they are.
    pipeline (Union[str, Path, Language]): A folder of the driver, or what is loaded
        there, is sent to the executors. Or the name of an archive that was sent with
        the job, by `--archives pipeline.tar.gz#name`. Or a package, installed on all
        machines. Each Python worker loads it once, and does many tasks.
    text_col (Union[str, Sequence[str]]): Column of the text, or several.
    pipe (Optional[str]): See BatchOptions, like top, several, prefix and phase.
    two_phases (bool): Run the first stage on all rows, deal these out again, so that
        each partition has as many for the second stage, and run that. The answers are
        the same. It pays where the second stage takes long.
    partitions (Optional[int]): To deal the rows out to, by default as many as Spark's
        setting spark.sql.shuffle.partitions says.
    observe (Optional[Union[str, pyspark.sql.Observation]]): Gets the number of "rows",
        and of those that were "routed" to the second stage, "abstained" and "failed",
        by the first action on what is returned.
    RETURNS (pyspark.sql.DataFrame): The same rows, our columns after their own.
    RAISES (ValueError): L701 if an option can't be used, L702 to L705 if a column
        can't, L720 if there is no such pipeline, L721 if it can't be sent, L722 if an
        archive holds none. See also load_classifier.
    """
    _check(df, phase, two_phases, partitions)
    text = (text_col,) if isinstance(text_col, str) else tuple(text_col)
    options = BatchOptions(text, pipe, top, several, prefix, phase)
    source, place = _find_source(df.sparkSession, pipeline)
    classifier = load_classifier(place, options)
    nlp = classifier.nlp
    steps = [[phase]]
    if phase == "both" and find_fallback(nlp, find_pipe(nlp, pipe)) is not None:
        # Which rows were routed is only known between the phases.
        steps = [["first", "second"]] if observe is not None else steps
        steps = [["first"], ["second"]] if two_phases else steps
    prefix = _choose_prefix(df, classifier, is_first=steps[0][0] == "first")
    options = replace(options, prefix=prefix)
    for step in steps:
        if step is not steps[0]:
            setting = df.sparkSession.conf.get("spark.sql.shuffle.partitions")
            df = df.repartition(partitions or int(setting))
        own = [replace(options, phase=each) for each in step]
        df = _run_step(df, classifier, source, own, observe is not None)
    return df if observe is None else _observe(df, observe, classifier)


def _check(df: Any, phase: str, two_phases: bool, partitions: Optional[int]) -> None:
    """RAISES (ValueError): L701."""
    found: Tuple[str, str, Any] = ("", "", None)
    if not hasattr(df, "mapInArrow"):
        found = "df", "a DataFrame of Spark", type(df).__name__
    elif two_phases and phase != "both":
        found = "phase", "'both' where two_phases is set", phase
    elif partitions is not None and (not two_phases or partitions < 1):
        found = "partitions", "at least 1, and two_phases set", partitions
    name, expected, value = found
    if name:
        text = JobErrors.L701.format(name=name, expected=expected, found=value)
        raise ValueError(text)


def _find_source(
    session: Any, pipeline: Union[str, Path, Language]
) -> Tuple[Tuple[str, str], Union[str, Path, Language]]:
    """Find a pipeline for the driver and for executors.

    RETURNS (Tuple[Tuple[str, str], Union[str, Path, Language]]): How executors get it,
        "sent", "archive" or "package", and its name there; what to load here.
    RAISES (ValueError): L720 to L722.
    """
    is_loaded = isinstance(pipeline, Language)
    # Spark Connect has none, and its server other folders.
    context = getattr(session, "sparkContext", None)
    if is_loaded or Path(str(pipeline)).is_dir():
        if context is None:
            raise ValueError(JobErrors.L721)
        return ("sent", _send(context, pipeline)), pipeline
    name = str(pipeline)
    folder = None if context is None else _find_archive(name)
    if folder is not None:
        return ("archive", name), _find_folder(folder)
    if is_package(name):
        return ("package", name), name
    raise ValueError(JobErrors.L720.format(pipeline=name))


def _send(context: Any, pipeline: Any) -> str:
    """RETURNS (str): The name of the folder on executors."""
    from pyspark import SparkFiles

    # Spark removes it when it stops. Until then, executors fetch what is in it.
    root = Path(SparkFiles.getRootDirectory())
    if isinstance(pipeline, Language):
        folder = root / f"spacy-longtail-{id(pipeline)}"
        pipeline.to_disk(folder)
        pipeline = folder
    with read_whole(Path(pipeline)):
        paths = sorted(path for path in Path(pipeline).rglob("*") if path.is_file())
        digest = hashlib.sha256()
        for path in paths:
            inner = path.relative_to(pipeline).as_posix()
            digest.update(f"{inner}\n{path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
        name = f"spacy-longtail-{digest.hexdigest()[:24]}"
        if any(sent.endswith(f"#{name}") for sent in context.listArchives):
            return name
        with zipfile.ZipFile(root / f"{name}.zip", "w") as archive:
            for path in paths:
                archive.write(path, path.relative_to(pipeline))
    context.addArchive(f"{root / name}.zip#{name}")
    return name


def _find_archive(name: str) -> Optional[Path]:
    """RETURNS (Optional[Path]): Where Spark has unpacked an archive on this machine."""
    from pyspark import SparkFiles

    # YARN unpacks into the folder in which it starts processes.
    places = Path(SparkFiles.get(name)), Path(name)
    return next((place for place in places if place.is_dir()), None)


def _find_folder(archive: Path) -> Path:
    """Find the pipeline in an unpacked archive: it may be packed with its folder, or
    as a source distribution.

    RAISES (ValueError): L722 if there isn't one.
    """
    found = [meta.parent for meta in archive.rglob("meta.json")]
    found = [folder for folder in found if (folder / "config.cfg").is_file()]
    if len(found) != 1:
        text = JobErrors.L722.format(name=archive.name, n=len(found))
        raise ValueError(text)
    return found[0]


def _choose_prefix(
    df: Any, classifier: BatchClassifier, is_first: bool
) -> Optional[str]:
    """RETURNS (Optional[str]): What our columns begin with. "Label" and "label" are the
        same name, unless Spark was told otherwise.
    RAISES (ValueError): L702 if columns of these names are there.
    """
    import pyarrow as pa

    prefix = classifier.options.prefix
    if classifier.options.phase == "second":
        return prefix
    is_strict = df.sparkSession.conf.get("spark.sql.caseSensitive") == "true"
    fold = str if is_strict else str.lower
    names = pa.schema([(fold(name), pa.null()) for name in df.columns])
    ours = classifier.columns.make_schema(is_first=is_first)
    found = make_output_schema(names, ours, None if prefix is None else fold(prefix))
    if prefix is not None:
        return prefix
    return str(found.names[len(names)].removesuffix(ours.names[0]))


def _run_step(
    df: Any,
    classifier: BatchClassifier,
    source: Tuple[str, str],
    options: List[BatchOptions],
    is_observed: bool,
) -> Any:
    """RETURNS (pyspark.sql.DataFrame): With our columns, by a pass over the rows.

    source (Tuple[str, str]): See _find_source.
    options (List[BatchOptions]): Of each phase that is run.
    """
    import pyarrow as pa
    from pyspark.sql.types import StructType

    nlp, version = classifier.nlp, classifier.version
    schema = pa.schema([_to_arrow(field, options[0].text) for field in df.schema])
    for own in options:
        schema = BatchClassifier(nlp, own, version).make_schema(schema)
    is_counted = is_observed and options[-1].phase == "second"
    schema = schema.append(pa.field(COUNTED, pa.bool_())) if is_counted else schema
    there = {field.name: field for field in df.schema}
    fields = [there.get(field.name) or _to_spark(field) for field in schema]
    task = {
        "driver": __version__,
        "source": source,
        "version": version,
        "options": [asdict(own) for own in options],
        "is_counted": is_counted,
    }
    message = JobErrors.L723.format(error="{error}", place="{place}")
    return df.mapInArrow(_make_worker(task, message), StructType(fields))


def _to_arrow(field: Any, text: Sequence[str]) -> Any:
    """RETURNS (pyarrow.Field): Of a column of Spark. Only the types of texts and of our
        columns matter.
    RAISES (ValueError): L704 if it's the text, but can't be.
    """
    import pyarrow as pa

    name, shown = field.name, field.dataType.simpleString()
    if shown == "array<string>":
        kind = pa.list_(pa.string())
    else:
        kind = getattr(pa, TYPES.get(field.dataType.typeName(), "binary"))()
    if name in text and pa.types.is_binary(kind):
        raise ValueError(JobErrors.L704.format(column=name, found=f"type {shown}"))
    return pa.field(name, kind)


def _to_spark(field: Any) -> Any:
    """RETURNS (pyspark.sql.types.StructField): A column of ours."""
    from pyspark.sql import types

    kinds: Dict[str, Any] = {
        "string": types.StringType(),
        "double": types.DoubleType(),
        "bool": types.BooleanType(),
    }
    kind = kinds.get(str(field.type)) or types.ArrayType(types.StringType())
    return types.StructField(field.name, kind)


def _observe(df: Any, observe: Any, classifier: BatchClassifier) -> Any:
    """RETURNS (pyspark.sql.DataFrame): The same, counted by the first action on it."""
    from pyspark.sql import functions

    def count(condition: Any, name: str) -> Any:
        return functions.count(functions.when(condition, 1)).alias(name)

    names = [name for name in df.columns if name != COUNTED]
    is_first = classifier.options.phase == "first"
    ours = classifier.columns.make_schema(is_first=is_first).names
    own = dict(zip(ours, names[-len(ours) :]))
    column = {name: df[f"`{given}`"] for name, given in own.items()}
    is_routed = column.get(ROUTED, functions.lit(False))
    is_routed = df[COUNTED] if COUNTED in df.columns else is_routed
    counted = df.observe(
        observe,
        functions.count(functions.lit(1)).alias("rows"),
        count(is_routed, "routed"),
        count(column["stage"] == ABSTAINED, "abstained"),
        count(column["error"].isNotNull(), "failed"),
    )
    return counted.drop(COUNTED)


def _make_worker(task: Dict[str, Any], message: str) -> Callable[[Any], Any]:
    """Make what executors do with their rows. It travels as a whole, not as a name, and
    refers to nothing of ours: where we aren't installed, it has to say so.
    """

    def work(batches: Any) -> Any:
        try:
            from spacy_longtail.spark import label_rows
        except ImportError as error:
            import socket
            import sys

            place = f"{sys.executable} on {socket.gethostname()}"
            raise RuntimeError(message.format(error=error, place=place)) from None
        return label_rows(batches, task)

    return work


def label_rows(batches: Iterator[Any], task: Dict[str, Any]) -> Iterator[Any]:
    """Label rows on an executor.

    batches (Iterator[pyarrow.RecordBatch]): The rows of a partition.
    task (Dict[str, Any]): See _run_step.
    YIELDS (pyarrow.RecordBatch): See BatchClassifier.
    RAISES (ValueError): L724 if the driver has another release of this library, L725 if
        the pipeline can't be loaded, L726 if it's another one than on the driver.
    """
    import pyarrow as pa

    if task["driver"] != __version__:
        own, driver, place = __version__, task["driver"], _get_place()
        text = JobErrors.L724.format(own=own, driver=driver, place=place)
        raise ValueError(text)
    classifiers = _load(task)
    for batch in batches:
        if classifiers[0].options.phase == "second":
            batch = _narrow(batch, classifiers[0])
        for classifier in classifiers:
            is_routed = batch.columns[-1:]
            (batch,) = classifier.run([batch])
        if task["is_counted"]:
            schema = batch.schema.append(pa.field(COUNTED, pa.bool_()))
            columns = [*batch.columns, *is_routed]
            batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        yield batch


def _narrow(batch: Any, classifier: BatchClassifier) -> Any:
    """RETURNS (pyarrow.RecordBatch): With our columns as the first phase has made them.
    Where spark.sql.execution.arrow.useLargeVarTypes is set, they come back larger.
    """
    import pyarrow as pa

    fields = list(batch.schema)
    ours = list(classifier.columns.make_schema(is_first=True))
    fields[-len(ours) :] = [
        field.with_type(own.type) for field, own in zip(fields[-len(ours) :], ours)
    ]
    return batch.cast(pa.schema(fields))


def _load(task: Dict[str, Any]) -> List[BatchClassifier]:
    """RETURNS (List[BatchClassifier]): One for each phase."""
    wanted = [BatchOptions(**own) for own in task["options"]]
    (kind, name), version = task["source"], task["version"]
    key = repr((kind, name, version, wanted[0].top))
    if key not in _LOADED:
        # One pipeline at a time: a worker lives long, and its memory is limited.
        gc.unfreeze()
        _LOADED.clear()
        _LOADED[key] = {wanted[0]: _load_first(kind, name, version, wanted[0])}
        # To look at all of it again and again, for what isn't in use anymore, would
        # take a tenth of the time.
        gc.freeze()
    known = _LOADED[key]
    nlp = next(iter(known.values())).nlp
    for own in wanted:
        if own not in known:
            known[own] = BatchClassifier(nlp, own, version)
    return [known[own] for own in wanted]


def _load_first(
    kind: str, name: str, expected: str, options: BatchOptions
) -> BatchClassifier:
    try:
        place: Union[str, Path] = name
        if kind != "package":
            folder = _find_archive(name)
            if folder is None:
                raise FileNotFoundError(f"no archive has been unpacked as '{name}'")
            place = _find_folder(folder)
        # What was sent is known. Reading all weights takes as long as loading them.
        version = expected if kind == "sent" else None
        found = load_classifier(place, options, version)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        text = JobErrors.L725.format(name=name, error=problem, place=_get_place())
        raise ValueError(text) from error
    if found.version != expected:
        own = found.version
        text = JobErrors.L726.format(
            name=name, own=own, driver=expected, place=_get_place()
        )
        raise ValueError(text)
    return found


def _get_place() -> str:
    return f"{sys.executable} on {socket.gethostname()}"
