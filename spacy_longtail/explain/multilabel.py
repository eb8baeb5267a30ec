from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Dict, List, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..evaluation.nearest import Neighbour
from ..evaluation.pipes import find_added
from ..ops import get_log_odds
from ..pipeline.decision import get_stored
from ..presentation import Remark, TextTable
from .words import (
    N_WORDS,
    Word,
    describe_decision,
    rank_words,
    say_method,
    split_logits,
    tabulate_neighbours,
    tabulate_words,
)


@dataclass(frozen=True)
class LabelExplanation:
    """Why a document has a label, or hasn't.

    probability (float): At the end of the pipeline, whether or not 'cats_top_k' leaves
        it in `doc.cats`.
    threshold (float): From which probability a document has the label.
    difference (float): Log of the odds of the label, before components that come
        later: how many times more probable it is than its absence or, if it is pooled,
        than the absence of all labels of its Other.
    needed (float): The same for the threshold.
    words, bias, prior: What they bring to the difference, see Split.
    other (Optional[str]): The parent whose Other the label is pooled in.
    is_given (bool): Whether the document has the label.
    """

    label: str
    probability: float
    threshold: float
    difference: float
    needed: float
    words: List[Word]
    bias: Optional[float]
    prior: Optional[float]
    other: Optional[str]
    is_given: bool

    def tables(self) -> List[TextTable]:
        """RETURNS (List[TextTable]): The words that count most, and all others."""
        rest = sum(word.contribution for word in rank_words(self.words)[N_WORDS:])
        # Without a bias, the words needn't sum to anything.
        other = None if self.bias is None else rest
        ends = [("log of the odds", self.difference)]
        if self.other is None:
            ends.append((f"needed for {self.threshold:.3f}", self.needed))
        why = tabulate_words(
            f"Why {'' if self.is_given else 'not '}{self.label}",
            self.words,
            [("(other words)", other), ("(bias)", self.bias), ("(prior)", self.prior)],
            ends,
        )
        if self.other is None:
            return [why]
        text = (
            f"It is pooled in the Other of {self.other or 'the root'}: its odds are "
            "against the absence of all labels that are pooled there, which share its "
            f"probability. It has {self.probability:.3f} of the {self.threshold:.3f} "
            "needed."
        )
        return [why, TextTable("", lines=[Remark("text", text)])]


@dataclass(frozen=True)
class MultilabelExplanation:
    """Why a document has the labels it has.

    kind, method (str): The factory of the component; see Split.
    labels (List[LabelExplanation]): Those that were asked for.
    thresholds (Dict[str, float]): Those of the candidates of the decision.
    decision (Dict[str, Any]): See Decision.
    added (List[str]): Labels of the document that were added at run time. They are
        judged by their prototypes, not by words.
    titles (Dict[str, str]): Of labels that are codes.
    nearest (List[Neighbour]): Training texts that are most like this one.
    """

    template: ClassVar[str] = "multilabel.html.jinja"
    kind: str
    method: str
    labels: List[LabelExplanation]
    thresholds: Dict[str, float]
    decision: Dict[str, Any]
    added: List[str]
    titles: Dict[str, str] = field(default_factory=dict)
    nearest: List[Neighbour] = field(default_factory=list)

    def get_labels(self) -> List[str]:
        """RETURNS (List[str]): All that it's about, the candidates too."""
        candidates = [label for label, _ in self.decision["candidates"]]
        return [*(found.label for found in self.labels), *candidates]

    def to_dict(self) -> Dict[str, Any]:
        return asdict(self)

    def tables(self) -> List[TextTable]:
        candidates, given = self.decision["candidates"], set(self.decision["labels"])
        rows = []
        for label, probability in candidates:
            numbers = f"{probability:.3f}", f"{self.thresholds[label]:.3f}"
            rows.append((label, *numbers, "given" if label in given else ""))
        header = ("most probable", "probability", "threshold", "")
        n_more = len(given - {label for label, _ in candidates})
        more = f"; {n_more} more given" if n_more else ""
        lines = describe_decision(self.decision, self.added, not given, more)
        names = [Remark("plain", f"{k}: {title}") for k, title in self.titles.items()]
        return [
            TextTable("Decision", header, rows, "lrrl"),
            TextTable("", lines=lines),
            *([TextTable("Titles", lines=names)] if names else []),
            *(table for label in self.labels for table in label.tables()),
            tabulate_neighbours(self.nearest),
        ]

    def remarks(self) -> List[Remark]:
        return say_method(self.method) if self.labels else []


def explain_multilabel(
    nlp: Language,
    name: str,
    before: Doc,
    final: Doc,
    *,
    labels: Sequence[str] = (),
    against: Optional[str] = None,
) -> MultilabelExplanation:
    """Find out which words speak for labels, see explain.

    before, final (Doc): As the component gets it, and at the end of the pipeline.
    labels (Sequence[str]): By default those that the document has, without those that
        were added at run time, or the most probable one if it has none at all.
    RETURNS (MultilabelExplanation): Contributions in the logs of odds.
    RAISES (ValueError): L524 with a label to compare with.
    """
    if against is not None:
        raise ValueError(Errors.L524.format(name=name, against=against))
    component: Any = nlp.get_pipe(name)
    decision, index = get_stored(final), component.taxonomy.index
    # A later component can have labels of its own.
    given, new = final._.longtail.labels, find_added(nlp, name)
    added = [label for label in given if label in new]
    if not labels:
        labels = [label for label in given if label in index]
    if not labels and not added:
        labels = [max(index, key=lambda label: final.cats.get(label, 0.0))]
    columns = [index[label] for label in labels]
    method, splits = split_logits(nlp, name, before, [(c, None) for c in columns])
    thresholds = component.get_thresholds(labels)
    odds = get_log_odds(thresholds).tolist()
    pooled = {m: o.parent for o in component.taxonomy.others for m in o.members}
    found = [
        LabelExplanation(
            label=label,
            probability=float(final.cats.get(label, 0.0)),
            threshold=float(thresholds[i]),
            needed=odds[i],
            **split._asdict(),
            other=pooled.get(columns[i]),
            is_given=label in given,
        )
        for i, (label, split) in enumerate(zip(labels, splits))
    ]
    names = [label for label, _ in decision["candidates"]]
    return MultilabelExplanation(
        kind=nlp.get_pipe_meta(name).factory,
        method=method,
        labels=found,
        thresholds=dict(zip(names, component.get_thresholds(names).tolist())),
        decision=decision,
        added=added,
    )
