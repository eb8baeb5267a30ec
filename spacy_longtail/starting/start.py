"""From a list of codes to a pipeline, without a labelled text."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_model_from_config
from thinc.api import Config
from tqdm import tqdm

from ..audit.advice import KNOWN_SHARE, choose_start_weight
from ..errors import JobErrors
from ..init_config.choose import (
    FACTORY,
    FALLBACK,
    MANY_LABELS,
    NGRAM_WIDTH,
    TEMPLATES,
    TOP_K,
    TOP_K_OF_SEVERAL,
    choose_template,
)
from ..languages import make_blank
from ..loading import check_pipeline_output, save_pipeline
from ..presentation import Remark, TextTable, count_noun, make_table, shorten
from ..taxonomy import SEPARATOR
from .code_list import CodeList, ListColumns, read_code_list
from .texts import drop_common_words, measure_known

# Labels with fewer texts stay where they are compared with all others.
MIN_COUNT = 10
# Log odds of a common n-gram, and where the vectors know few of the words.
WEIGHT, LARGE_WEIGHT = 0.3, 1.0
TREES = {
    "parents": "by the column {parent!r}",
    "prefixes": "as codes that begin like others are below them; --flat leaves it out",
    "paths": "by the paths of the list",
}
N_SHOWN = 3


@dataclass(frozen=True)
class Started:
    """A pipeline that was made of a list of codes.

    output (Optional[str]): Where it is saved.
    source (str): The list.
    lang (str): Language of the tokenizer.
    columns (Dict[str, str]): The columns that were read, by what they are.
    tree (str): Where the hierarchy is from: "parents", "prefixes", "paths" or "none".
    depth (int): Its levels, 1 if it's flat.
    n_rows, n_repeated (int): Rows, and those that are there twice.
    n_labels, n_described (int): Labels, and those with a description.
    known_share (float): Share of the words that the vectors of the package know.
    untitled (List[str]): Labels that have nothing but their code.
    examples (List[Tuple[str, str]]): The first labels, and their titles.
    """

    output: Optional[str]
    source: str
    lang: str
    columns: Dict[str, str]
    tree: str
    depth: int
    n_rows: int
    n_repeated: int
    n_labels: int
    n_described: int
    known_share: float
    untitled: List[str]
    examples: List[Tuple[str, str]]

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only."""
        return asdict(self)

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): The first labels."""
        rows = [(shorten(label), title) for label, title in self.examples]
        table = make_table("", ("The first labels", "Titles"), rows)
        return [table._replace(aligns="ll")]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): What was read and noticed, a sentence each."""
        shape = "flat"
        if self.depth > 1:
            how = TREES[self.tree].format(**{"parent": "", **self.columns})
            shape = f"{self.depth} levels, {how}"
        has = f"{self.n_described:,} with a description"
        labels = count_noun(self.n_labels, "label")
        found = [Remark("info", f"{labels}, {has}; {shape}.")]
        if self.n_repeated:
            rows = count_noun(self.n_repeated, "row")
            found.append(Remark("info", f"Left out {rows}, which stood there before."))
        if self.untitled:
            labels = count_noun(len(self.untitled), "label")
            shown = ", ".join(map(repr, self.untitled[:N_SHOWN]))
            sentence = (
                f"{labels} without title and description, for example {shown}: nothing "
                "can be told of what they mean, until they have texts."
            )
            found.append(Remark("warn", sentence))
        if self.known_share < KNOWN_SHARE:
            sentence = (
                f"The vectors of the package know {self.known_share:.0%} of the words, "
                "so that spelling counts more. Vectors of your language are better: "
                "see 'distill'."
            )
            found.append(Remark("info", sentence))
        return found


def start_pipeline(
    codes: Path,
    output: Optional[Path] = None,
    *,
    columns: ListColumns = ListColumns(),  # noqa: B008 - frozen
    segments: str = "code",
    flat: bool = False,
    several: bool = False,
    optimize: str = "efficiency",
    lang: str = "en",
    separator: str = SEPARATOR,
    force: bool = False,
    progress: bool = False,
    **dialect: Any,
) -> Tuple[Started, Language]:
    """Make a pipeline of a list of codes alone: it finds the label of a text by what
    titles and descriptions say, and goes on from there when it's trained.

    codes (Path): A table of codes, titles, descriptions and parents, in any format that
        convert reads.
    output (Optional[Path]): Folder to save it to. None doesn't save it.
    columns, segments, flat, separator, dialect: See read_code_list.
    several (bool): Whether a document can have several labels.
    optimize (str): "efficiency", "cascade" or "accuracy", see init_config.
    lang (str): Language of the tokenizer.
    force (bool): Replace what is there.
    progress (bool): Whether to show a progress bar, on stderr.
    RETURNS (Tuple[Started, Language]): What was done, and the pipeline.
    RAISES (ValueError): L780 to L787, see read_code_list, L650, L651, L663, L671, and
        those of check_pipeline_output and save_pipeline.
    """
    codes, before = Path(codes), None
    if output is not None:
        before = check_pipeline_output(Path(output), force=force, inputs=[codes])
    template = choose_template(1 + several, optimize)
    blank = make_blank(lang)
    found = read_code_list(
        codes, columns, segments=segments, flat=flat, separator=separator, **dialect
    )
    if len(found.records) < 2:
        labels = ", ".join(repr(r["label"]) for r in found.records) or "none"
        text = JobErrors.L785.format(path=codes, n=found.n_rows, labels=labels)
        raise ValueError(text)
    known = measure_known(found.texts)
    config = _make_config(template, found, known, blank.lang or lang, separator)
    bar = tqdm(total=3, desc="Reading", disable=None if progress else True, leave=False)
    with bar:
        nlp = load_model_from_config(config, auto_fill=True)
        bar.update()
        _initialize(nlp, found)
        bar.update()
        if output is not None:
            save_pipeline(nlp, Path(output), force=force, before=before)
    return _describe(found, codes, output, blank.lang or lang, separator, known), nlp


def _make_config(
    template: str, found: CodeList, known: float, lang: str, separator: str
) -> Config:
    text = (TEMPLATES / f"{template}.cfg").read_text(encoding="utf8")
    config = Config().from_str(text, interpolate=False)
    components = config["components"]
    name = next(k for k, v in components.items() if v["factory"].startswith(FACTORY))
    block, encoder = components[name], components[name]["model"]["encoder"]
    config["nlp"].update(lang=lang, pipeline=[name, FALLBACK])
    block.update(min_count=MIN_COUNT, one_other=True, separator=separator)
    is_foreign = known < KNOWN_SHARE
    if "ngram_width" in encoder and is_foreign:
        weight = choose_start_weight(known)
        # What one label alone has tells most.
        encoder.update(ngram_width=NGRAM_WIDTH, word_weight=weight, min_ngram_count=1)
    if len(found.records) >= MANY_LABELS:
        is_single = block["factory"] == FACTORY
        block["cats_top_k"] = TOP_K if is_single else TOP_K_OF_SEVERAL
    words = {
        "@misc": "spacy-longtail.LexicalRanker.v1",
        "ngrams": True,
        "weight": LARGE_WEIGHT if is_foreign else WEIGHT,
    }
    fallback = components.setdefault(FALLBACK, {"factory": FALLBACK, "source": name})
    vectors = {"@misc": "spacy-longtail.PrototypeRanker.v1"}
    if "gate" in fallback:
        # The vectors of the template's ranker are those of a transformer.
        vectors = fallback.pop("ranker")
        del fallback["gate"]
    # A prototype of few texts, or of none, is better than what can be learned of them.
    rankers = {"words": words, "vectors": {**vectors, "kappa": 1.0, "epochs": 0}}
    ranker = {"@misc": "spacy-longtail.CombinedRanker.v1", "rankers": rankers}
    fallback.update(ranker=ranker, route_threshold=0.0, mixture_weight=0.0)
    return config


def _initialize(nlp: Language, found: CodeList) -> None:
    """Start the components with the texts of labels in place of documents, which are
    nobody's: they count for the n-grams, but not for labels.
    """
    records = drop_common_words(found.records, nlp)
    docs: List[Doc] = [nlp.make_doc(text) for text in found.texts]
    examples = [Example(doc, doc.copy()) for doc in docs]
    labels = [record["label"] for record in records]
    for name, pipe in nlp.components:
        more = {} if name == FALLBACK else {"labels": labels}
        pipe.initialize(  # type: ignore[attr-defined]
            lambda: examples, nlp=nlp, descriptions=records, **more
        )
        if more:
            # Another label in later documents is a new one.
            pipe.cfg["declared"] = False  # type: ignore[attr-defined]


def _describe(
    found: CodeList,
    codes: Path,
    output: Optional[Path],
    lang: str,
    separator: str,
    known: float,
) -> Started:
    records = found.records
    return Started(
        output=None if output is None else str(output),
        source=str(codes),
        lang=lang,
        columns=found.columns,
        tree=found.tree,
        depth=max(record["label"].count(separator) + 1 for record in records),
        n_rows=found.n_rows,
        n_repeated=found.n_repeated,
        n_labels=len(records),
        n_described=sum(r["description"] != r["title"] for r in records),
        known_share=known,
        untitled=found.untitled,
        examples=[(r["label"], r["title"]) for r in records[:N_SHOWN]],
    )
