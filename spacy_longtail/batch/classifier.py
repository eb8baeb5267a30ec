from contextlib import nullcontext
from itertools import repeat
from pathlib import Path
from typing import (
    Any,
    ContextManager,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import JobErrors
from ..evaluation.pipes import (
    find_fallback,
    find_later,
    find_pipe,
    find_rivals,
    run_pipes,
)
from ..loading import load_pipeline
from ..pipeline.decision import KEY
from ..pipeline.decision_writer import N_CANDIDATES
from ..pipeline.fallback.first_phase import prepare, write_unrouted
from ..saved import get_digest
from .columns import (
    ROUTED,
    BatchOptions,
    ResultColumns,
    check_first,
    check_text,
    collect_texts,
    make_output_schema,
    replace_rows,
)

# Documents that are there at the same time, and those of a batch of the components.
MAX_DOCS, BATCH_SIZE = 2048, 256
# New words that spaCy remembers, 50 MB or so. In a memory zone, the words of each batch
# are forgotten after it, and have to be split again: the frequent ones should be known.
MAX_STRINGS = 200_000


class Answer(NamedTuple):
    """What is kept of a document.

    decision (Any): What it stores.
    pairs (List[Tuple[str, float]]): Its most probable labels, if more are wanted than
        a decision has.
    is_routed (bool): See BatchOptions.
    """

    decision: Any
    pairs: List[Tuple[str, float]]
    is_routed: bool


def read_version(nlp: Language) -> str:
    """RETURNS (str): Name and version of a pipeline, and the start of a digest of what
    its components of ours have learned: another training gives another one.
    """
    pipes: List[Any] = [pipe for _, pipe in nlp.pipeline]
    marks = ("get_raw_scores", "added_labels")
    own = [pipe for pipe in pipes if any(hasattr(pipe, mark) for mark in marks)]
    parts, meta = [pipe.to_bytes(exclude=["vocab"]) for pipe in own], nlp.meta
    digest = get_digest(*parts)[:12]
    return f"{meta['lang']}_{meta['name']}-{meta['version']}+{digest}"


class BatchClassifier:
    """Labels texts, many at a time, without Docs for anybody to look after.

    It is for one thread, and not for a memory zone of spaCy's: it has its own, so that
    memory doesn't grow with the words of the texts.

    nlp (Language): The pipeline. What it predicts isn't changed.
    options (BatchOptions): What is wanted.
    version (Optional[str]): See read_version, by default that of the pipeline.
    RAISES (ValueError): L514 or L518 if it isn't clear which component is meant, and
        whatever the pipeline raises about any text, for example because a model isn't
        there.
    """

    def __init__(
        self, nlp: Language, options: BatchOptions, version: Optional[str] = None
    ) -> None:
        self.nlp = nlp
        self._n_strings = len(nlp.vocab.strings)
        self.options = options
        self.version = read_version(nlp) if version is None else version
        name = find_pipe(nlp, options.pipe)
        pipe: Any = nlp.get_pipe(name)
        self.pipe = pipe
        self._fallback = find_fallback(nlp, name)
        self._rivals = find_rivals(nlp, name)
        later = [own for own in find_later(nlp, name) if own != self._fallback]
        # Others may read `doc.cats`.
        self.is_last = not later
        self._after: List[str] = []
        if self._fallback is not None and options.phase == "first":
            start = nlp.pipe_names.index(self._fallback) + 1
            self._after = [own for own in later if own in nlp.pipe_names[start:]]
            prepare(nlp.get_pipe(self._fallback))
        several = pipe.kind.allows_several
        several = several if options.several is None else options.several
        last: Any = nlp.get_pipe(self._fallback) if self._fallback else self.pipe
        self.taxonomy = tree = last.taxonomy
        depth = max((len(tree.path(leaf)) for leaf in tree.leaves), default=0)
        self.columns = ResultColumns(options.top, depth, several)
        self._needs_more = options.top > N_CANDIDATES
        self.results = self.columns.make_schema()
        self._first = self.columns.make_schema(is_first=True)
        # What is wrong with the pipeline isn't wrong with each row.
        self._run(["a text"])

    def make_schema(self, schema: Any) -> Any:
        """RETURNS (pyarrow.Schema): The columns of what run gives for a table.

        schema (pyarrow.Schema): Its columns. For the second phase, those that the
            first one has given.
        RAISES (ValueError): L702 to L705, see there.
        """
        check_text(schema, self.options.text)
        prefix = self.options.prefix
        if self.options.phase == "first":
            return make_output_schema(schema, self._first, prefix)
        if self.options.phase == "second":
            check_first(schema, self._first)
            return schema.remove(len(schema) - 1)
        return make_output_schema(schema, self.results, prefix)

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Label tables, in bounded memory.

        batches (Iterable[pyarrow.RecordBatch]): Rows, as many at a time as you like. Or
            a pyarrow.Table, of which one without rows gives a batch without rows.
        YIELDS (pyarrow.RecordBatch): The same rows with our columns, see make_schema.
        RAISES (ValueError): See make_schema.
        """
        import pyarrow as pa

        if isinstance(batches, pa.Table):
            batches = batches.to_batches() or [_make_empty(batches.schema)]
        for batch in batches:
            schema = self.make_schema(batch.schema)
            texts = collect_texts(batch, self.options.text)
            if self.options.phase == "second":
                arrays = self._replace_routed(batch, texts)
            else:
                arrays = [*batch.columns, *self.classify(texts).columns]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _replace_routed(self, batch: Any, texts: List[Optional[str]]) -> List[Any]:
        """RETURNS (List[pyarrow.Array]): The columns of a table of the first phase, but
        the answers of both stages where the second one is needed.
        """
        *old, is_routed = batch.columns
        routed = [text for text, own in zip(texts, is_routed.to_pylist()) if own]
        if not routed:
            return list(old)
        n_own = len(old) - len(self.results)
        new = self.classify(routed).columns
        return old[:n_own] + replace_rows(old[n_own:], new, is_routed)

    def classify(self, texts: Sequence[Optional[str]]) -> Any:
        """Label texts.

        texts (Sequence[Optional[str]]): None or an empty one gives a row with an error.
        RETURNS (pyarrow.RecordBatch): Our columns alone, a row for each text.
        """
        import pyarrow as pa

        schema = self._first if self.options.phase == "first" else self.results
        batches = [
            self._classify(texts[start : start + MAX_DOCS], schema)
            for start in range(0, len(texts), MAX_DOCS)
        ]
        if not batches:
            return pa.RecordBatch.from_pylist([], schema=schema)
        if len(batches) == 1:
            return batches[0]
        columns = zip(*(batch.columns for batch in batches))
        joined = [pa.concat_arrays(parts) for parts in columns]
        return pa.RecordBatch.from_arrays(joined, schema=schema)

    def _classify(self, texts: Sequence[Optional[str]], schema: Any) -> Any:
        import pyarrow as pa

        errors = [self._find_error(text) for text in texts]
        good = [text for text, error in zip(texts, errors) if error is None]
        found, failed = self._run_each(good)
        more = [answer.pairs for answer in found] if self._needs_more else []
        decisions = [answer.decision for answer in found]
        arrays = self.columns.make_arrays(decisions, more)
        routed = pa.array([answer.is_routed for answer in found], pa.bool_())
        if failed or len(good) < len(texts):
            places, own = numpy.full(len(texts), -1), iter(range(len(found)))
            messages = iter(failed.get(i) for i in range(len(good)))
            for row, error in enumerate(errors):
                errors[row] = next(messages) if error is None else error
                if errors[row] is None:
                    places[row] = next(own)
            index = pa.array(places, mask=places < 0)
            arrays = [array.take(index) for array in arrays]
            routed = routed.take(index).fill_null(False)
        arrays.append(pa.array([self.version] * len(texts), pa.string()))
        arrays.append(pa.array(errors, pa.string()))
        arrays += [routed] if schema.names[-1] == ROUTED else []
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _find_error(self, text: Optional[str]) -> Optional[str]:
        if text is None or not text or text.isspace():
            return JobErrors.L706
        most = self.nlp.max_length
        if len(text) > most:
            return JobErrors.L707.format(n=len(text), most=most)
        return None

    def _run_each(self, texts: List[Any]) -> Tuple[List[Answer], Dict[int, str]]:
        """RETURNS (Tuple[List[Answer], Dict[int, str]]): An answer for each text that
        can be processed, and messages for the others, by their index.
        """
        try:
            answers = self._run(texts)
        except Exception as error:
            # Of anybody's component, at any text.
            if len(texts) == 1:
                return [], {0: _describe(error)}
        else:
            missing = {i for i, own in enumerate(answers) if own.decision is None}
            failed = dict.fromkeys(sorted(missing), str(JobErrors.L708))
            return [own for i, own in enumerate(answers) if i not in missing], failed
        # An answer doesn't depend on what is beside it.
        half = len(texts) // 2
        found, failed = self._run_each(texts[:half])
        more, failed_later = self._run_each(texts[half:])
        failed.update((half + i, message) for i, message in failed_later.items())
        return found + more, failed

    def _run(self, texts: List[str]) -> List[Answer]:
        with self._forget():
            try:
                return self._answer(texts)
            except Exception as error:
                # The oldest spaCy doesn't end a zone that an error leaves.
                problem = error
        raise problem

    def _answer(self, texts: List[str]) -> List[Answer]:
        off = [*self._rivals, *self._after]
        is_first = self.options.phase == "first" and self._fallback is not None
        off += [str(self._fallback)] if is_first else []
        stream = self.nlp.pipe(texts, batch_size=BATCH_SIZE, disable=off)
        routed, docs = [False] * len(texts), list(stream)
        if is_first:
            pipe = self.nlp.get_pipe(str(self._fallback))
            routed = write_unrouted(pipe, docs).tolist()
            docs = run_pipes(self.nlp, docs, self._after)
        decisions = [doc.user_data.get(KEY) for doc in docs]
        pairs = map(self._rank, docs) if self._needs_more else repeat([])
        return list(map(Answer, decisions, pairs, routed))

    def _forget(self) -> ContextManager[Any]:
        is_full = len(self.nlp.vocab.strings) - self._n_strings >= MAX_STRINGS
        return self.nlp.memory_zone() if is_full else nullcontext()

    def _rank(self, doc: Doc) -> List[Tuple[str, float]]:
        own = [pair for pair in doc.cats.items() if pair[0] in self.taxonomy.index]
        # Those that are alike stay in the order of the labels, as in a decision.
        own.sort(key=lambda pair: (-pair[1], self.taxonomy.index[pair[0]]))
        return own[: self.options.top]


def load_classifier(
    pipeline: Union[str, Path, Language],
    options: BatchOptions,
    version: Optional[str] = None,
) -> BatchClassifier:
    """Load a pipeline to label tables with.

    pipeline (Union[str, Path, Language]): Folder or package, or what is loaded already.
    version (Optional[str]): See BatchClassifier.
    RAISES (ValueError): See load_pipeline and BatchClassifier.
    """
    if isinstance(pipeline, Language):
        return BatchClassifier(pipeline, options, version)
    classifier = BatchClassifier(load_pipeline(str(pipeline)), options, version)
    if classifier.is_last:
        # Nobody reads the rest, and writing it would take a third of the time.
        classifier.pipe.cats_top_k = max(options.top, N_CANDIDATES)
    return classifier


def classify(
    batches: Any, pipeline: Union[str, Path, Language], **options: Any
) -> Iterator[Any]:
    """Label tables: an iterator of rows in, an iterator of the same rows with our
    columns out. Needs the extra "files".

    batches (Iterable[pyarrow.RecordBatch]): Or a pyarrow.Table, or a reader.
    pipeline (Union[str, Path, Language]): Folder or package, or what is loaded already.
    options (Any): The fields of BatchOptions, for example text="body".
    RETURNS (Iterator[pyarrow.RecordBatch]): What was wrong with a row is in its column
        "error"; it has no label then. Answers don't depend on how rows are batched.
    RAISES (ValueError): L701 to L705, L514 or L518, and see load_pipeline.
    """
    classifier = load_classifier(pipeline, BatchOptions(**options))
    return classifier.run(batches)


def _make_empty(schema: Any) -> Any:
    """RETURNS (pyarrow.RecordBatch): No rows. Old releases can't make it of a list."""
    import pyarrow as pa

    columns = [column.combine_chunks() for column in schema.empty_table().columns]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _describe(error: Exception) -> str:
    """RETURNS (str): One line."""
    text = " ".join(str(error).split())
    text = text if text.startswith("[L") else f"{type(error).__name__}: {text}"
    return text if len(text) <= 500 else f"{text[:499]}…"
