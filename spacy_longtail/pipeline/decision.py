from dataclasses import dataclass, fields
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

import numpy
from spacy.tokens import Doc

from ..ops import top_columns
from ..taxonomy import Taxonomy

# Where a document keeps its decision, as plain data.
KEY = "longtail"
N_CANDIDATES = 5
ABSTAINED = "abstained"
EPSILON = 1e-12
# What a Doc stores, see Decision.to_user_data.
DataT = Dict[str, Any]
LevelsT = Tuple[Tuple[str, float], ...]
GetLevelsT = Callable[[numpy.ndarray, numpy.ndarray], List[List[float]]]


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
        """data (Mapping[str, Any]): What to_dict gives, or what a Doc stores."""
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
        """RETURNS (DataT): What a Doc stores, without what follows from the rest."""
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


# What follows is done for every document, so it works on what a Doc stores.


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
    found = data.copy()
    found.update(
        **({"labels": []} if "labels" in data else {}),
        label=None,
        levels=levels,
        probability=levels[-1][1] * share if levels else 0.0,
        stage=ABSTAINED,
        reason=reason,
    )
    return found


class StoredDecision(Dict[str, Any]):
    """What a Doc stores, a dict. Until the Doc is copied or leaves the process, it also
    knows the kind by whose settings it was made: they can be others by the time when
    the document comes to the fallback.
    """

    def __init__(self, data: Any = (), *, kind: Optional[Any] = None) -> None:
        super().__init__(data)
        self.kind = kind

    def __reduce__(self) -> Any:
        return dict, (dict(self),)

    def copy(self) -> "StoredDecision":
        return StoredDecision(self, kind=self.kind)


def get_stored(doc: Doc) -> DataT:
    """RETURNS (DataT): Empty if no component has categorized the document."""
    return doc.user_data.get(KEY) or {}


def write_cats(
    docs: List[Doc],
    taxonomy: Taxonomy,
    P: numpy.ndarray,
    top_k: Optional[int],
    top: numpy.ndarray,
) -> None:
    """Write the probabilities of shape (docs, leaves) to `doc.cats`: of all leaves, or
    of the top_k most probable ones only, see top_columns.
    """
    leaves, own = taxonomy.leaves, taxonomy.index
    if top_k is None:
        for doc, row in zip(docs, P.tolist()):
            doc.cats.update(zip(leaves, row))
        return
    top = top[:, :top_k]
    shares = numpy.take_along_axis(P, top, axis=1).tolist()
    for doc, columns, row in zip(docs, top.tolist(), shares):
        if doc.cats:
            doc.cats = {key: p for key, p in doc.cats.items() if key not in own}
        doc.cats.update(zip([leaves[column] for column in columns], row))


def store(doc: Doc, data: DataT) -> None:
    """Store what get_stored returns."""
    doc.user_data[KEY] = data


def read_decision(doc: Doc) -> Optional[Decision]:
    """RETURNS (Optional[Decision]): That of a document, as `doc._.longtail`. None if no
    component has categorized it.
    """
    data = get_stored(doc)
    return Decision.from_dict(data) if data else None


def write_decision(doc: Doc, decision: Optional[Mapping[str, Any]]) -> None:
    """Store a decision, or what its to_dict gives, as plain data. None deletes it."""
    if decision is None:
        doc.user_data.pop(KEY, None)
    else:
        store(doc, Decision.from_dict(decision).to_user_data())


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
    """A Prediction that knows the kind by whose settings it was made."""

    kind: Any = None


class DecisionWriter:
    """Turns leaf probabilities into the plain data that a Doc stores.

    taxonomy (Taxonomy): The label tree. What depends on it alone is worked out once.
    kind (Any): The LabelKind of the decisions.
    get_levels (GetLevelsT): Gets leaf probabilities and the column of each document's
        best label. Returns the probability of each node of its path.
    """

    def __init__(self, taxonomy: Taxonomy, kind: Any, get_levels: GetLevelsT) -> None:
        self.taxonomy = taxonomy
        self.kind = kind
        self.get_levels = get_levels
        self.paths = [taxonomy.path(leaf) for leaf in taxonomy.leaves]
        self.members = [column for other in taxonomy.others for column in other.members]
        sizes = [len(other.members) for other in taxonomy.others]
        self.other_starts = numpy.cumsum(sizes) - sizes

    def describe(
        self,
        P: numpy.ndarray,
        known: numpy.ndarray,
        stage: str,
        reason: str,
        top: Optional[numpy.ndarray] = None,
        kind: Optional[Any] = None,
    ) -> List[DataT]:
        """Describe the decision for each document.

        P, known (numpy.ndarray): See Prediction.
        stage, reason (str): See Decision.
        top (Optional[numpy.ndarray]): What top_columns gives for at least
            N_CANDIDATES, if that is known.
        kind (Optional[Any]): The kind as it was when P was found, see LabelKind.freeze.
            None takes it as it is now.
        RETURNS (List[DataT]): What their documents store.
        """
        leaves, kind = self.taxonomy.leaves, kind or self.kind.freeze()
        top = (top_columns(P, N_CANDIDATES) if top is None else top)[:, :N_CANDIDATES]
        shares = numpy.take_along_axis(P, top, axis=1).tolist()
        levels, others = self.get_levels(P, top[:, 0]), self._get_others(P)
        decisions: List[DataT] = [StoredDecision(kind=kind) for _ in known]
        for row, (columns, sure) in enumerate(zip(top.tolist(), known.tolist())):
            names = [leaves[column] for column in columns]
            decisions[row].update(
                pipe=kind.pipe,
                label=names[0],
                probability=shares[row][0],
                levels=list(zip(self.paths[columns[0]], levels[row])),
                other=others[row],
                known=sure,
                stage=stage,
                reason=reason,
                candidates=list(zip(names, shares[row])),
            )
        for decision, labels in zip(decisions, kind.get_labels(P, self.taxonomy) or ()):
            decision["labels"] = labels
        return decisions

    def _get_others(self, P: numpy.ndarray) -> List[Optional[Tuple[str, float]]]:
        if not self.members:
            return [None] * len(P)
        pooled = numpy.take(P, self.members, axis=1)
        masses = numpy.add.reduceat(pooled, self.other_starts, axis=1)
        best = masses.argmax(axis=1)
        # Probabilities of 32 bits can sum to a little more than 1.
        best_masses = numpy.minimum(masses[numpy.arange(len(P)), best], 1.0).tolist()
        parents = [self.taxonomy.others[i].parent for i in best.tolist()]
        return list(zip(parents, best_masses))
