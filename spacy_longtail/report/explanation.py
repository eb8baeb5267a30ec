from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..pipeline.decision import KEY
from ..taxonomy import find_similar
from ..tuning.evidence import run_before
from ..tuning.settings import find_pipe


@dataclass(frozen=True)
class Word:
    """What a token brings to the difference of two logits.

    text (str): The token.
    space (str): The white space after it.
    contribution (float): Above 0.0 if it speaks for the label.
    bigrams (float): The part of it that comes from pairs with its neighbours.
    """

    text: str
    space: str
    contribution: float
    bigrams: float


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
    """

    label: str
    against: str
    difference: float
    method: str
    words: List[Word]
    bias: Optional[float]
    prior: Optional[float]
    decision: Dict[str, Any]

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values."""
        return asdict(self)


def explain(
    nlp: Language,
    text: str,
    *,
    label: Optional[str] = None,
    against: Optional[str] = None,
    pipe: Optional[str] = None,
) -> Explanation:
    """Find out which words carried a decision.

    The document vector of a bag of words is a sum over words and bigrams, and the
    logits are linear in it, so their shares are exact. Other encoders are run again
    without each word.

    text (str): The text.
    label (Optional[str]): The label to explain, by default the most probable one.
    against (Optional[str]): What to compare it with, by default the next one.
    pipe (Optional[str]): Name of the component, if there are several.
    RETURNS (Explanation): Contributions in the logs of odds.
    RAISES (ValueError): L521 without a word, L522 for an unknown label, L514.
    """
    name = find_pipe(nlp, pipe)
    component: Any = nlp.get_pipe(name)
    if not text.strip():
        raise ValueError(Errors.L521.format(text=text))
    for wanted in (label, against):
        if wanted is not None and wanted not in component.taxonomy.index:
            similar = find_similar(wanted, component.labels)
            text = Errors.L522.format(label=wanted, name=name, similar=similar)
            raise ValueError(text)
    decision = nlp(text).user_data[KEY]
    doc = run_before(nlp, name, [nlp.make_doc(text)])[0]
    P = component.finish(component.get_raw_scores([doc])).probabilities[0]
    ranked = [choice for choice, _ in decision["candidates"]]
    ranked += [component.labels[column] for column in numpy.argsort(-P)[:3]]
    # The fallback can have labels of its own.
    known = [choice for choice in ranked if choice in component.taxonomy.index]
    label = label or next(choice for choice in known if choice != against)
    against = against or next(choice for choice in known if choice != label)
    columns = component.taxonomy.index[label], component.taxonomy.index[against]
    encoder = component.model.get_ref("encoder")
    output = component.model.get_ref("output")
    if "split" in encoder.attrs and "get_linear" in output.attrs:
        found = _split_exactly(component, doc, columns)
    else:
        found = _occlude(nlp, name, doc, columns)
    difference = _get_differences(component, [doc], columns)[0]
    return Explanation(label, against, float(difference), *found, decision)


FoundT = Tuple[str, List[Word], Optional[float], Optional[float]]


def _split_exactly(component: Any, doc: Doc, columns: Tuple[int, int]) -> FoundT:
    encoder = component.model.get_ref("encoder")
    output = component.model.get_ref("output")
    to_numpy, first, second = component.model.ops.to_numpy, *columns
    W, b = map(to_numpy, output.attrs["get_linear"](output))
    direction = (W[first] - W[second]) / component.temperature
    words, bigrams = (part @ direction for part in encoder.attrs["split"](encoder, doc))
    bias = float(b[first] - b[second]) / component.temperature
    shift = component.get_bias(component.prior)
    prior = float(shift[first] - shift[second]) / component.temperature
    found = [
        Word(token.text, token.whitespace_, float(word + pair), float(pair))
        for token, word, pair in zip(doc, words, bigrams)
    ]
    return "exact", found, bias, prior


def _occlude(nlp: Language, name: str, doc: Doc, columns: Tuple[int, int]) -> FoundT:
    component: Any = nlp.get_pipe(name)
    words = [token.text for token in doc]
    spaces = [bool(token.whitespace_) for token in doc]
    parts = [
        Doc(nlp.vocab, words[:i] + words[i + 1 :], spaces[:i] + spaces[i + 1 :])
        for i in range(len(words))
    ]
    docs = run_before(nlp, name, parts)
    without = _get_differences(component, docs, columns)
    changes = (_get_differences(component, [doc], columns)[0] - without).tolist()
    found = [
        Word(token.text, token.whitespace_, change, 0.0)
        for token, change in zip(doc, changes)
    ]
    return "occlusion", found, None, None


def _get_differences(
    component: Any, docs: List[Doc], columns: Tuple[int, int]
) -> numpy.ndarray:
    logits = component.get_raw_scores(docs).logits.astype("float64")
    logits = (logits + component.get_bias(component.prior)) / component.temperature
    return logits[:, columns[0]] - logits[:, columns[1]]
