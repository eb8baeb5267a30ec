from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..encoders import contract
from ..evaluation.nearest import Neighbour
from ..evaluation.pipes import run_before
from ..presentation import Remark, TextTable

N_WORDS = 10
# Of a text that is shown in a terminal.
MAX_SHOWN = 60

# The columns of a label, and of the one that its logit is compared with, if any.
PairT = Tuple[int, Optional[int]]


@dataclass(frozen=True)
class Word:
    """What a token brings to a logit, or to the difference of two.

    text (str): The token.
    space (str): The white space after it.
    contribution (float): Above 0.0 if it speaks for the label.
    bigrams (float): The part of it that comes from pairs with its neighbours.
    """

    text: str
    space: str
    contribution: float
    bigrams: float


class Split(NamedTuple):
    """A logit, or the difference of two. By the "exact" method it is the sum of what
    words, bias and prior bring. By "occlusion", each word counts as what is lost
    without it.

    difference (float): The whole.
    words (List[Word]): What each token brings.
    bias (Optional[float]): What the trained biases bring, None with occlusion.
    prior (Optional[float]): What the setting of the prior brings, likewise.
    """

    difference: float
    words: List[Word]
    bias: Optional[float]
    prior: Optional[float]


def split_logits(
    nlp: Language, name: str, doc: Doc, pairs: Sequence[PairT]
) -> Tuple[str, List[Split]]:
    """Find out what each word brings to the logits that a component predicts with.

    doc (Doc): As the component gets it.
    pairs (Sequence[PairT]): What to split.
    RETURNS (Tuple[str, List[Split]]): By which method, and what it finds.
    """
    component: Any = nlp.get_pipe(name)
    encoder = component.model.get_ref("encoder")
    output = component.model.get_ref("output")
    parts, linear = contract.split(encoder, doc), contract.get_linear(output)
    logits = _get_logits(component, [doc])[0]
    if parts is None or linear is None or contract.has_terms(component.model):
        return "occlusion", _occlude(nlp, name, doc, pairs, logits)
    W, b = map(component.model.ops.to_numpy, linear)
    shift, temperature = component.get_bias(component.prior), component.temperature
    found = []
    for pair in pairs:
        weights = _subtract(W, pair) / temperature
        brought = {kind: (part @ weights).tolist() for kind, part in parts.items()}
        bigrams = brought.get("bigrams", [0.0] * len(doc))
        totals = [sum(values) for values in zip(*brought.values())]
        bias, prior = (float(_subtract(x, pair)) / temperature for x in (b, shift))
        words = _make_words(doc, totals, bigrams)
        found.append(Split(float(_subtract(logits, pair)), words, bias, prior))
    return "exact", found


def _occlude(
    nlp: Language, name: str, doc: Doc, pairs: Sequence[PairT], logits: numpy.ndarray
) -> List[Split]:
    words = [token.text for token in doc]
    spaces = [bool(token.whitespace_) for token in doc]
    parts = [
        Doc(nlp.vocab, words[:i] + words[i + 1 :], spaces[:i] + spaces[i + 1 :])
        for i in range(len(words))
    ]
    without = _get_logits(nlp.get_pipe(name), run_before(nlp, name, parts)).T
    found = []
    for pair in pairs:
        whole = _subtract(logits, pair)
        changes = (whole - _subtract(without, pair)).tolist()
        marked = _make_words(doc, changes, [0.0] * len(doc))
        found.append(Split(float(whole), marked, None, None))
    return found


def _make_words(
    doc: Doc, contributions: Sequence[float], bigrams: Sequence[float]
) -> List[Word]:
    rows = zip(doc, contributions, bigrams)
    return [Word(token.text, token.whitespace_, *numbers) for token, *numbers in rows]


def _get_logits(component: Any, docs: List[Doc]) -> numpy.ndarray:
    logits = component.get_raw_scores(docs).logits.astype("float64")
    return (logits + component.get_bias(component.prior)) / component.temperature


def _subtract(values: numpy.ndarray, pair: PairT) -> Any:
    """Values of a label, less those of the other one of a pair."""
    first, second = pair
    return values[first] if second is None else values[first] - values[second]


def weigh_words(words: Sequence[Word]) -> List[Tuple[Word, float]]:
    """RETURNS (List[Tuple[Word, float]]): Each word and how strongly to mark it, from
    -1.0 to 1.0, the word that counts most having one of these.
    """
    largest = max((abs(word.contribution) for word in words), default=0.0) or 1.0
    return [(word, word.contribution / largest) for word in words]


def rank_words(words: Sequence[Word]) -> List[Word]:
    """RETURNS (List[Word]): Those that count most first."""
    return sorted(words, key=lambda word: -abs(word.contribution))


def tabulate_words(
    title: str,
    words: Sequence[Word],
    shifts: Sequence[Tuple[str, Optional[float]]],
    ends: Sequence[Tuple[str, float]],
) -> TextTable:
    """Show the text with its words marked, the words that count most, and what else
    there is to sum up.

    shifts (Sequence[Tuple[str, Optional[float]]]): Names and values, left out if there
        is none.
    ends (Sequence[Tuple[str, float]]): The last rows.
    """
    rows: List[Tuple[str, ...]] = [
        (word.text, f"{word.contribution:+.2f}", f"{word.bigrams:+.2f}")
        for word in rank_words(words)[:N_WORDS]
    ]
    others = [*(pair for pair in shifts if pair[1]), *ends]
    rows += [(name, f"{value:+.2f}", "") for name, value in others]
    marks = [(w.text, w.space, strength) for w, strength in weigh_words(words)]
    text = "".join(word.text + word.space for word in words)
    header: Tuple[str, ...] = ("word", "counts", "of it with its neighbours")
    if not any(word.bigrams for word in words):
        # Not all ways to explain know that.
        rows, header = [row[:2] for row in rows], header[:2]
    aligns = "lrr"[: len(header)]
    return TextTable(title, header, rows, aligns, [Remark("marked", text, marks)])


def tabulate_neighbours(found: Sequence[Neighbour]) -> TextTable:
    """RETURNS (TextTable): A row for each, without any if there is none."""
    rows = [
        (_cut(one.text), ", ".join(one.labels), f"{one.similarity:.2f}")
        for one in found
    ]
    header = ("Training texts like this one", "label", "similarity")
    return TextTable("", header, rows, "llr")


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def describe_decision(
    decision: Dict[str, Any], added: Sequence[str], has_none: bool, more: str = ""
) -> List[Remark]:
    """Say which stage decided, and of labels that were added at run time why there are
    no words for them.

    has_none (bool): Whether the text has no label.
    more (str): The end of the first line.
    """
    stage, reason, known = (decision[key] for key in ("stage", "reason", "known"))
    lines = [Remark("plain", f"{stage}: {reason}; known {known:.3f}{more}")]
    for label in added:
        text = (
            f"{label} was added at run time: it is judged by how close the text is to "
            "its prototype, not by words."
        )
        lines.append(Remark("text", text))
    return lines + [Remark("text", "The text has no label.")] * has_none


def say_method(method: str) -> List[Remark]:
    """RETURNS (List[Remark]): What the numbers mean if they aren't shares."""
    text = "Each word counts as what is lost without it; they needn't add up."
    return [Remark("text", text)] if method == "occlusion" else []
