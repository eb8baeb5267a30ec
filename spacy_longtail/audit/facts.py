"""The facts about a corpus, for programs, for a terminal and as a page."""

from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from ..presentation import (
    Remark,
    TextTable,
    make_table,
    open_figure,
    render,
    set_log_ticks,
    shorten,
)
from .validation import CrossValidation, show_chance

TEMPLATE = Path(__file__).parent / "templates" / "audit.html.jinja"
FORMATS = {"count": "{:,}", "percent": "{:.1%}", "decimal": "{:,.1f}"}
INK = "#123456"
# The share of labels from which on they are.
CODED_SHARE = 0.8


@dataclass(frozen=True)
class Level:
    """The nodes at one depth of the taxonomy, 1 is the top. Documents are those at or
    below a node.
    """

    depth: int
    n_nodes: int
    n_docs: int
    smallest: int
    median: float
    largest: int


@dataclass(frozen=True)
class Bucket:
    """Labels of about the same frequency: "head", "mid" or "tail", see the scorer."""

    name: str
    n_labels: int
    n_docs: int
    share: float


@dataclass(frozen=True)
class Pooling:
    """What a setting of min_count would pool, and how many Others hold that.

    largest (List[Dict[str, Any]]): The Others with the most labels: "parent" ("" for
        the root), "n_labels", "n_docs".
    """

    min_count: int
    n_labels: int
    n_docs: int
    n_others: int
    largest: List[Dict[str, Any]]


@dataclass(frozen=True)
class Weight:
    """How much a document of a label counts in training, compared with one of the most
    frequent label, by loss with its default settings. For LogitAdjusted, what the odds
    of the label are multiplied by when its prior is taken out.
    """

    label: str
    count: int
    weighted: float
    class_balanced: float
    logit_adjusted: float


@dataclass(frozen=True)
class Texts:
    """Facts about the texts. Which are equal, see hash_text.

    n_empty (int): Texts without a word.
    n_long (int): Texts of more than long_limit words or tokens.
    median_length, longest (int): In words or tokens.
    known_share (Optional[float]): Share of the words of more than three letters, or of
        any length in scripts like Devanagari or Chinese, as
        often as they occur, that the vectors of the package have. None without any.
    n_duplicates (int): Documents whose text and labels an earlier one has.
    n_conflicts (int): Texts with different labels in different documents.
    conflicts (List[Dict[str, Any]]): The most frequent: "text", "n_docs", "labels"
        with their documents.
    n_near_conflicts (int): Pairs of nearly equal texts with different labels. It's a
        lower bound, see find_near_pairs.
    near_conflicts (List[Dict[str, Any]]): The most similar: "similarity", "texts",
        "labels".
    long_rows, empty_rows (List[int]): Numbers of a few such documents, from 0.
    """

    n_empty: int
    n_long: int
    long_limit: int
    median_length: int
    longest: int
    known_share: Optional[float]
    n_duplicates: int
    n_conflicts: int
    conflicts: List[Dict[str, Any]]
    n_near_conflicts: int
    near_conflicts: List[Dict[str, Any]]
    long_rows: List[int]
    empty_rows: List[int]


@dataclass(frozen=True)
class Dev:
    """How the dev corpus fits.

    n_missing (int): Labels of the corpus that it doesn't have.
    missing (List[str]): Them, the most frequent first.
    unseen (List[str]): Labels that only it has.
    n_shared (int): Its documents whose text is in the corpus as well.
    """

    lang: Optional[str]
    n_docs: int
    n_missing: int
    missing: List[str]
    unseen: List[str]
    n_shared: int


@dataclass(frozen=True)
class Audit:
    """Facts about a corpus and what follows from them.

    path (str): The corpus.
    lang (Optional[str]): Language of its tokenizer. None for a table, or if it isn't
        `convert` that has made it.
    n_docs, n_unlabelled (int): Documents, and those without a label.
    max_labels (int): Most labels of a document. Above 1, documents can have several.
    separator (str): What joins the segments of a label.
    depth (int): Levels of the taxonomy, 1 if it's flat.
    counts (Dict[str, int]): Documents of each label, the most frequent first.
    imbalance_ratio (float): Documents of the most frequent label over those of the
        rarest.
    top_10_share (float): Share of the documents in the ten most frequent labels.
    similar_labels (List[List[str]]): Labels that differ in case or spaces only.
    n_codes (int): Labels that end with a code, see find_codes.
    advice (List[str]): What to do, a sentence each.
    cross_validation (Optional[CrossValidation]): What was found by it, None if it
        wasn't wished.
    titles (Dict[str, str]): What labels are called, if that is known.
    """

    path: str
    lang: Optional[str]
    n_docs: int
    n_unlabelled: int
    max_labels: int
    separator: str
    depth: int
    counts: Dict[str, int]
    imbalance_ratio: float
    top_10_share: float
    levels: List[Level]
    buckets: List[Bucket]
    pooling: List[Pooling]
    weights: List[Weight]
    texts: Texts
    similar_labels: List[List[str]]
    n_codes: int
    dev: Optional[Dev]
    advice: List[str]
    cross_validation: Optional[CrossValidation] = None
    titles: Dict[str, str] = field(default_factory=dict)

    @property
    def n_labels(self) -> int:
        """RETURNS (int): Labels with at least one document."""
        return len(self.counts)

    @property
    def has_codes(self) -> bool:
        """RETURNS (bool): Whether the labels are codes, but for a few."""
        return self.n_codes >= CODED_SHARE * self.n_labels

    def count_rarer(self, min_count: int) -> int:
        """RETURNS (int): Labels with fewer documents than that."""
        return sum(count < min_count for count in self.counts.values())

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values only."""
        return {**asdict(self), "n_labels": self.n_labels}

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): The facts that fit in a terminal."""
        lang = "" if self.lang is None else f" in the language {self.lang}"
        title = (
            f"{self.n_docs:,} documents{lang}, {self.n_labels:,} labels, imbalance "
            f"ratio {self.imbalance_ratio:,.0f}, top 10: {self.top_10_share:.1%} of "
            "documents"
        )
        buckets = [
            (b.name, b.n_labels, b.n_docs, f"{b.share:.1%}") for b in self.buckets
        ]
        weights = [(shorten(row.label), *astuple(row)[1:]) for row in self.weights]
        found = self.cross_validation
        return [
            make_table(title, ("", "Labels", "Documents", "Share"), buckets),
            make_table(
                "Levels of the taxonomy",
                ("Level", "Nodes", "Documents", "Smallest", "Median", "Largest"),
                list(map(astuple, self.levels)),
            ),
            make_table(
                "What would be pooled",
                ("min_count", "Labels", "Documents", "Others"),
                [astuple(row)[:4] for row in self.pooling],
            ),
            make_table(
                "Effective weights, compared with the most frequent label",
                ("Label", "Documents", "Weighted", "Balanced", "Adjusted"),
                weights,
            ),
            *([] if found is None else found.tables(self.titles)),
        ]

    def remarks(self) -> List[Remark]:
        """RETURNS (List[Remark]): The advice, and what a cross-validation says."""
        found = self.cross_validation
        advice = [Remark("info", sentence) for sentence in self.advice]
        return advice + ([] if found is None else found.remarks(self.titles))


def render_audit(facts: Audit) -> str:
    """RETURNS (str): One HTML file that needs nothing else.

    RAISES (ValueError): L642 if matplotlib isn't installed.
    """
    return render(
        TEMPLATE,
        filters={
            "chance": show_chance,
            **{name: text.format for name, text in FORMATS.items()},
        },
        facts=facts,
        curve=draw_frequencies(list(facts.counts.values())),
    )


def draw_frequencies(counts: Sequence[int]) -> str:
    """Draw the documents of each label over its rank, both on a log scale.

    counts (Sequence[int]): Descending.
    RETURNS (str): An SVG element in the colour of the text around it.
    """
    opened = open_figure(
        "frequencies",
        (6.0, 3.2),
        colours={INK: "currentColor"},
        settings={"figure.constrained_layout.use": True},
    )
    with opened as (figure, finish):
        axes = figure.add_subplot()
        axes.loglog(range(1, len(counts) + 1), counts, color=INK, linewidth=2)
        axes.set_xlabel("label, by frequency", color=INK)
        axes.set_ylabel("documents", color=INK)
        axes.grid(which="major", alpha=0.25, color=INK)
        axes.tick_params(which="both", colors=INK)
        set_log_ticks(axes.xaxis, 1, len(counts))
        set_log_ticks(axes.yaxis, min(counts), max(counts))
        for spine in axes.spines.values():
            spine.set_visible(False)
        return finish()
