from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Dict, List, Optional, Sequence

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..pipeline.decision import KEY
from ..tuning.settings import EXCLUSIVE
from .added import find_added
from .words import Word, split_logits


@dataclass(frozen=True)
class Explanation:
    """Why a label and not another one.

    label, against (str): The label and the one that it is compared with.
    difference (float): Log of how many times more probable it is in the first stage,
        before a fallback.
    method (str): "exact": the contributions of the words, `bias` and `prior` sum to
        the difference. "occlusion": each is what the difference loses without the word.
    bias (Optional[float]): What the trained biases of the labels bring, None with
        occlusion.
    prior (Optional[float]): What the setting of the prior brings.
    decision (Dict[str, Any]): See Decision.
    added (Optional[str]): The label of the decision if it was added at run time. It is
        judged by its prototype, not by words: what is explained is the first stage.
    """

    kind: ClassVar[str] = EXCLUSIVE
    label: str
    against: str
    difference: float
    method: str
    words: List[Word]
    bias: Optional[float]
    prior: Optional[float]
    decision: Dict[str, Any]
    added: Optional[str] = None

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        return {"kind": self.kind, **asdict(self)}


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

    name (str): Name of the component, a longtail_textcat.
    before, final (Doc): As the component gets it, and at the end of the pipeline.
    labels (Sequence[str]): The label to explain, by default the most probable one.
    RETURNS (Explanation): Contributions in the logs of odds.
    RAISES (ValueError): L523 for several labels.
    """
    if len(labels) > 1:
        raise ValueError(Errors.L523.format(n=len(labels), name=name))
    component: Any = nlp.get_pipe(name)
    decision = final.user_data[KEY]
    P = component.finish(component.get_raw_scores([before])).probabilities[0]
    ranked = [choice for choice, _ in decision["candidates"]]
    ranked += [component.labels[column] for column in numpy.argsort(-P)[:3]]
    # The fallback can have labels of its own.
    known = [choice for choice in ranked if choice in component.taxonomy.index]
    label = labels[0] if labels else next(c for c in known if c != against)
    against = against or next(choice for choice in known if choice != label)
    index = component.taxonomy.index
    method, (found,) = split_logits(nlp, name, before, [(index[label], index[against])])
    return Explanation(
        label,
        against,
        found.difference,
        method,
        found.words,
        found.bias,
        found.prior,
        decision,
        decision["label"] if decision["label"] in find_added(nlp, name) else None,
    )
