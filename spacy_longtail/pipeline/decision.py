from dataclasses import dataclass, fields
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

import numpy
from spacy.tokens import Doc

from .stored import DataT, unpack_decision

# Where a document keeps its decision.
KEY = "longtail"
ABSTAINED = "abstained"
EPSILON = 1e-12
LevelsT = Tuple[Tuple[str, float], ...]


@dataclass(frozen=True)
class Decision(Dict[str, Any]):
    """How a document was categorized, as `doc._.longtail`. It is also a dict of its
    fields as JSON values.

    label (Optional[str]): The most probable label, None after abstention.
    path (Tuple[str, ...]): The nodes from the top to the label, or to the node that
        an abstention kept.
    probability (float): Joint probability of the label, from 0.0 to 1.0.
    levels (Tuple[Tuple[str, float], ...]): Each node of the path and its
        probability, the sum over the leaves below it.
    other (Optional[Tuple[str, float]]): The Other that had the most mass: its parent
        ("" for the root) and the mass. None if nothing is pooled.
    known (float): How sure it is that the document belongs to any known label, from
        0.0 to 1.0: the highest probability times the highest cosine to a prototype.
    stage (str): "longtail_textcat", "zero_shot_fallback" or "abstained".
    reason (str): Why this stage decided, in words.
    candidates (Tuple[Tuple[str, float], ...]): The most probable labels, ranked.
    labels (Tuple[str, ...]): All labels that the document has, most probable first:
        `label` alone, or those above their threshold if there can be several.
    pipe (Optional[str]): Name of the component that the decision is of.
    first (Optional[str]): The label that a second stage has replaced or kept.
    first_labels (Optional[Tuple[str, ...]]): All of them, None without such a stage.
    allows_several (bool): Whether the document could have had several labels.
    """

    label: Optional[str] = None
    path: Tuple[str, ...] = ()
    probability: float = 0.0
    levels: LevelsT = ()
    other: Optional[Tuple[str, float]] = None
    known: float = 0.0
    stage: str = ""
    reason: str = ""
    candidates: LevelsT = ()
    labels: Tuple[str, ...] = ()
    pipe: Optional[str] = None
    first: Optional[str] = None
    first_labels: Optional[Tuple[str, ...]] = None
    allows_several: bool = False

    def __post_init__(self) -> None:
        dict.update(self, self.to_dict())

    def __reduce__(self) -> Any:
        return Decision.from_dict, (self.to_dict(),)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Decision":
        """data (Mapping[str, Any]): What to_dict or get_stored gives."""
        found = {
            "labels": _to_labels(data.get("label")),
            "allows_several": "labels" in data,
            "first_labels": _to_labels(data["first"]) if "first" in data else None,
            **data,
            "path": [node for node, _ in data.get("levels", ())],
        }
        given = {name: _convert(found[name], tuple) for name in FIELDS if name in found}
        return cls(**given)

    def to_dict(self) -> Dict[str, Any]:
        return {name: _convert(getattr(self, name), list) for name in FIELDS}

    def to_user_data(self) -> DataT:
        """RETURNS (DataT): See get_stored, without what follows from the rest."""
        left_out = {"path", "allows_several"}
        if not self.allows_several:
            left_out |= {"labels", "first_labels"}
        if self.first_labels is None:
            left_out |= {"first", "first_labels"}
        data = {name: getattr(self, name) for name in FIELDS if name not in left_out}
        for name in data.keys() & {"levels", "candidates", "labels", "first_labels"}:
            data[name] = list(data[name])
        return data

    # What these do is said below, where it is done for many documents at once.

    def refine(self, before: "Decision", reason: Optional[str] = None) -> "Decision":
        """RETURNS (Decision): With what it has replaced, and why."""
        data = self.to_user_data()
        refine(data, before.to_user_data(), reason, self.other)
        return Decision.from_dict(data)

    def back_off(self, threshold: float, ancestor_threshold: float) -> "Decision":
        """RETURNS (Decision): Without its label if that isn't sure enough."""
        data = back_off(self.to_user_data(), threshold, ancestor_threshold)
        return Decision.from_dict(data)

    def abstain(self, threshold: float, reason: str) -> "Decision":
        """RETURNS (Decision): Without labels."""
        return Decision.from_dict(abstain(self.to_user_data(), threshold, reason))


FIELDS = [found.name for found in fields(Decision)]


def _to_labels(label: Optional[str]) -> List[str]:
    return [] if label is None else [label]


def _convert(value: Any, sequence: Callable) -> Any:
    """Make tuples of lists, or lists of tuples, with the pairs in them."""
    if not isinstance(value, (list, tuple)):
        return value
    is_nested = bool(value) and isinstance(value[0], (list, tuple))
    return sequence(map(sequence, value) if is_nested else value)


# What follows works on what get_stored returns.


def refine(
    data: DataT,
    before: DataT,
    reason: Optional[str],
    other: Optional[Tuple[str, float]],
) -> None:
    """Write in the decision of a second stage what it has replaced, and why.

    before (DataT): The first stage's.
    reason (Optional[str]): Why the second stage decided. None if the decision is still
        that of the first one, for its reason.
    other (Optional[Tuple[str, float]]): See Decision.
    """
    data.update(first=before["label"], other=other)
    if "labels" in data:
        data["first_labels"] = before["labels"]
    if reason is None:
        data.update(stage=before["stage"], reason=before["reason"])
    else:
        data["reason"] = reason


def back_off(data: DataT, threshold: float, ancestor_threshold: float) -> DataT:
    """Take a label away whose probability is below its threshold, and keep the deepest
    node above it that is sure.

    threshold (float): What the label needs.
    ancestor_threshold (float): What a node above it needs, beside the threshold.
    RETURNS (DataT): The same if it has no label or one that is sure.
    """
    label, probability = data["label"], data["probability"]
    if label is None or probability >= threshold:
        return data
    levels = data["levels"][:-1]
    while levels and levels[-1][1] < max(threshold, ancestor_threshold):
        levels = levels[:-1]
    reason = (
        f"{label!r} has a probability of {probability:.3f}, below its threshold of "
        f"{threshold:.3f}"
    )
    return _abstain(data, levels, 1.0, reason)


def abstain(data: DataT, threshold: float, reason: str) -> DataT:
    """Take all labels away. The deepest broader category that is sure enough after its
    probability is multiplied by the similarity stays, or nothing.

    threshold (float): How sure a broader category has to be, 0.0 keeps none.
    reason (str): Why, in words.
    """
    share = find_similarity(data)
    above = data["levels"][:-1] if threshold > 0 else []
    levels = [pair for pair in above if pair[1] * share >= threshold]
    return _abstain(data, levels, share, f"{reason} (known = {data['known']:.3f})")


def find_similarity(data: DataT) -> float:
    """RETURNS (float): To the closest label, from 0.0 to below 1.0: what `known` has
    beside the probability.
    """
    return min(data["known"] / max(data["probability"], EPSILON), 1.0 - 1e-6)


def _abstain(data: DataT, levels: List[Any], share: float, reason: str) -> DataT:
    found = dict(data)
    found.update(
        **({"labels": []} if "labels" in data else {}),
        label=None,
        levels=levels,
        probability=levels[-1][1] * share if levels else 0.0,
        stage=ABSTAINED,
        reason=reason,
    )
    return found


def get_stored(doc: Doc) -> DataT:
    """RETURNS (DataT): Empty if no component has categorized the document."""
    return read_stored(doc.user_data.get(KEY))


def read_stored(stored: Any) -> DataT:
    """RETURNS (DataT): What a Doc stores as a dict. It is one already where somebody
    has set `doc._.longtail`, and in documents of old releases.
    """
    return unpack_decision(stored) if isinstance(stored, bytes) else stored or {}


def read_decision(doc: Doc) -> Optional[Decision]:
    """RETURNS (Optional[Decision]): That of a document, as `doc._.longtail`. None if no
    component has categorized it.
    """
    data = get_stored(doc)
    return Decision.from_dict(data) if data else None


def write_decision(doc: Doc, decision: Optional[Mapping[str, Any]]) -> None:
    """Store a decision, or what its to_dict gives, as a dict. None deletes it."""
    if decision is None:
        doc.user_data.pop(KEY, None)
    else:
        doc.user_data[KEY] = Decision.from_dict(decision).to_user_data()


def register_extension() -> None:
    """Make `doc._.longtail` readable, in this process, unless it already is."""
    if not Doc.has_extension(KEY):
        Doc.set_extension(KEY, getter=read_decision, setter=write_decision)


class Prediction(NamedTuple):
    """What predict finds.

    probabilities (numpy.ndarray): Joint leaf probabilities, of shape (docs, leaves).
    known (numpy.ndarray): See Decision, of shape (docs,).
    """

    probabilities: numpy.ndarray
    known: numpy.ndarray


class KindPrediction(Prediction):
    """A Prediction that knows the kind by whose settings it was made, and the vectors
    that the encoder made of the documents, of shape (docs, width).
    """

    kind: Any = None
    vectors: Optional[numpy.ndarray] = None
