from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..pipeline.decision import KEY
from ..tuning.settings import MULTILABEL
from .added import find_added
from .words import Word, split_logits

# Log odds of a threshold of exactly 0.0 or 1.0 wouldn't be finite.
LOWEST = 1e-6


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
    words (List[Word]): What they bring to the difference.
    bias, prior (Optional[float]): What the label's trained bias and the setting of the
        prior bring to it, None with occlusion.
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


@dataclass(frozen=True)
class MultilabelExplanation:
    """Why a document has the labels it has.

    method (str): "exact": the contributions of the words, `bias` and `prior` sum to
        the difference. "occlusion": each is what the difference loses without the word.
    labels (List[LabelExplanation]): Those that were asked for.
    thresholds (Dict[str, float]): Those of the candidates of the decision.
    decision (Dict[str, Any]): See Decision.
    added (List[str]): Labels of the document that were added at run time. They are
        judged by their prototypes, not by words.
    """

    kind: ClassVar[str] = MULTILABEL
    method: str
    labels: List[LabelExplanation]
    thresholds: Dict[str, float]
    decision: Dict[str, Any]
    added: List[str]

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        return {"kind": self.kind, **asdict(self)}


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

    name (str): Name of the component, a longtail_textcat_multilabel.
    before, final (Doc): As the component gets it, and at the end of the pipeline.
    labels (Sequence[str]): By default those that the document has, without those that
        were added at run time, or the most probable one if it has none at all.
    RETURNS (MultilabelExplanation): Contributions in the logs of odds.
    RAISES (ValueError): L524 with a label to compare with.
    """
    if against is not None:
        raise ValueError(Errors.L524.format(name=name, against=against))
    component: Any = nlp.get_pipe(name)
    decision, index = final.user_data[KEY], component.taxonomy.index
    # A later component can have labels of its own.
    given, new = final._.longtail.labels, find_added(nlp, name)
    added = [label for label in given if label in new]
    if not labels:
        labels = [label for label in given if label in index]
    if not labels and not added:
        labels = [max(index, key=lambda label: final.cats.get(label, 0.0))]
    names = [label for label, _ in decision["candidates"]]
    method, found = _explain_labels(nlp, name, before, final, labels)
    return MultilabelExplanation(
        method=method,
        labels=found,
        thresholds=dict(zip(names, component.get_thresholds(names).tolist())),
        decision=decision,
        added=added,
    )


def _explain_labels(
    nlp: Language, name: str, before: Doc, final: Doc, labels: Sequence[str]
) -> Tuple[str, List[LabelExplanation]]:
    """RETURNS (Tuple[str, List[LabelExplanation]]): The method, and what it finds for
    each label.
    """
    component: Any = nlp.get_pipe(name)
    index = component.taxonomy.index
    columns = [index[label] for label in labels]
    method, splits = split_logits(nlp, name, before, [(c, None) for c in columns])
    thresholds = component.get_thresholds(labels)
    clipped = numpy.clip(thresholds, LOWEST, 1.0 - LOWEST)
    odds = numpy.log(clipped) - numpy.log1p(-clipped)
    pooled = {m: o.parent for o in component.taxonomy.others for m in o.members}
    found = [
        LabelExplanation(
            label=label,
            probability=float(final.cats.get(label, 0.0)),
            threshold=float(thresholds[i]),
            difference=split.difference,
            needed=float(odds[i]),
            words=split.words,
            bias=split.bias,
            prior=split.prior,
            other=pooled.get(columns[i]),
            is_given=label in final._.longtail.labels,
        )
        for i, (label, split) in enumerate(zip(labels, splits))
    ]
    return method, found
