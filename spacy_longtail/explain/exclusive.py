from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Dict, List, Optional, Sequence

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..evaluation.nearest import Neighbour
from ..evaluation.pipes import find_added
from ..pipeline.decision import get_stored
from ..presentation import Remark, TextTable
from .words import (
    Word,
    describe_decision,
    say_method,
    split_logits,
    tabulate_neighbours,
    tabulate_words,
)


@dataclass(frozen=True)
class Explanation:
    """Why a label and not another one.

    kind (str): The factory of the component.
    method, words, bias, prior: See Split.
    label, against (str): The label and the one that it is compared with.
    difference (float): Log of how many times more probable it is in the first stage,
        before a fallback.
    decision (Dict[str, Any]): See Decision.
    added (Optional[str]): The label of the decision if it was added at run time. It is
        judged by its prototype, not by words: what is explained is the first stage.
    titles (Dict[str, str]): Of labels that are codes.
    nearest (List[Neighbour]): Training texts that are most like this one.
    """

    template: ClassVar[str] = "exclusive.html.jinja"
    kind: str
    label: str
    against: str
    difference: float
    method: str
    words: List[Word]
    bias: Optional[float]
    prior: Optional[float]
    decision: Dict[str, Any]
    added: Optional[str] = None
    titles: Dict[str, str] = field(default_factory=dict)
    nearest: List[Neighbour] = field(default_factory=list)

    def get_labels(self) -> List[str]:
        """RETURNS (List[str]): All that it's about, the candidates too."""
        candidates = [label for label, _ in self.decision["candidates"]]
        return [self.label, self.against, *candidates]

    def to_dict(self) -> Dict[str, Any]:
        return asdict(self)

    def tables(self) -> List[TextTable]:
        levels = [
            Remark("plain", f"{'  ' * depth}{node}  {probability:.3f}")
            for depth, (node, probability) in enumerate(self.decision["levels"])
        ]
        added = [self.added] if self.added else []
        lines = describe_decision(self.decision, added, self.decision["label"] is None)
        why = tabulate_words(
            f"Why {self.label} and not {self.against}",
            self.words,
            [("(bias)", self.bias), ("(prior)", self.prior)],
            [("log of the odds", self.difference)],
        )
        names = [Remark("plain", f"{k}: {title}") for k, title in self.titles.items()]
        found = TextTable("Decision", lines=[*levels, *lines])
        called = TextTable("Titles", lines=names)
        return [
            found,
            *([called] if names else []),
            why,
            tabulate_neighbours(self.nearest),
        ]

    def remarks(self) -> List[Remark]:
        return say_method(self.method)


def explain_exclusive(
    nlp: Language,
    name: str,
    before: Doc,
    final: Doc,
    *,
    labels: Sequence[str] = (),
    against: Optional[str] = None,
) -> Explanation:
    """Find out why a label and not another one, see explain.

    before, final (Doc): As the component gets it, and at the end of the pipeline.
    labels (Sequence[str]): The label to explain, by default the most probable one.
    RETURNS (Explanation): Contributions in the logs of odds.
    RAISES (ValueError): L523 for several labels.
    """
    if len(labels) > 1:
        raise ValueError(Errors.L523.format(n=len(labels), name=name))
    component: Any = nlp.get_pipe(name)
    decision, index = get_stored(final), component.taxonomy.index
    P = component.apply_settings(component.get_raw_scores([before])).probabilities[0]
    ranked = [choice for choice, _ in decision["candidates"]]
    ranked += [component.labels[column] for column in numpy.argsort(-P)[:3]]
    # The fallback can have labels of its own.
    known = [choice for choice in ranked if choice in index]
    label = labels[0] if labels else next(c for c in known if c != against)
    against = against or next(choice for choice in known if choice != label)
    method, (found,) = split_logits(nlp, name, before, [(index[label], index[against])])
    return Explanation(
        kind=nlp.get_pipe_meta(name).factory,
        label=label,
        against=against,
        method=method,
        **found._asdict(),
        decision=decision,
        added=decision["label"] if decision["label"] in find_added(nlp, name) else None,
    )
