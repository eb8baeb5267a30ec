from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import get_words_and_spaces

from ...descriptions import DescriptionsT, check_descriptions, get_titles
from ...errors import Errors
from ...questions import LabelCard
from ...saved import check_fields, check_texts, check_type, refuse
from ...spelling import check_look_alikes, find_similar
from ...tables.jsonl import parse_lines
from ...taxonomy import Other, Taxonomy, split_path
from ..initialization import read_first
from ..names import get_name_texts


@dataclass
class LabelStore:
    """Remembers what labels are called and a few documents of each, as plain data.

    known (Dict[str, Dict[str, Any]]): "names", a list of texts, and "examples", a
        list of {"text", "words"}, of each label from training.
    added (Dict[str, Dict[str, Any]]): The same of labels that were added at run time.
    """

    known: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    added: Dict[str, Dict[str, Any]] = field(default_factory=dict)

    def collect(
        self,
        get_examples: Callable[[], Iterable[Example]],
        source: Any,
        descriptions: DescriptionsT,
        max_examples: int,
    ) -> None:
        """Go through the training corpus and keep the first documents of each label of
        the source, up to max_examples. Of what was there before it keeps descriptions,
        documents if there is room for them, and run-time labels that the source hasn't.

        RAISES (ValueError): Description and gold errors, and L333 if a run-time label
            has lost its place.
        """
        read_first(get_examples, "ZeroShotFallback.initialize")
        taxonomy: Taxonomy = source.taxonomy
        texts = check_descriptions(descriptions, taxonomy)
        titles = get_titles(descriptions)
        added = {k: v for k, v in self.added.items() if k not in taxonomy.ranges}
        for label in added:
            _check_parent(label, taxonomy)
        before, self.added = {**self.added, **self.known}, added
        self.known = {
            leaf: _make_record(leaf, taxonomy, texts.get(leaf), titles.get(leaf, ()))
            for leaf in taxonomy.leaves
        }
        for row, example in enumerate(get_examples()):
            for label in source.kind.get_gold(example, row, taxonomy.ranges) or ():
                kept = self.known[label]["examples"] if label in self.known else None
                if kept is not None and len(kept) < max_examples:
                    kept.append(_keep(example.predicted))
        for leaf in before.keys() & self.known.keys():
            record, kept = self.known[leaf], self.known[leaf]["examples"]
            if leaf not in texts:
                record["names"] = before[leaf]["names"]
            more = [old for old in before[leaf]["examples"] if old not in kept]
            kept.extend(more[: max_examples - len(kept)])

    def add(
        self, found: Iterable[Dict[str, Any]], taxonomy: Taxonomy, nlp: Language
    ) -> int:
        """Add labels at run time, all or none.

        found (Iterable[Dict[str, Any]]): Each with a "label", a "description",
            "examples" and, if it is from a file, its "source".
        RETURNS (int): How many.
        RAISES (ValueError): L001, L332, L333 or L335; L336 around it for a file.
        """
        new: Dict[str, Dict[str, Any]] = {}
        for record in found:
            label, description = record["label"], record.get("description")
            try:
                check_added(label, taxonomy, {**self.added, **new})
                texts = _check_texts(label, description, record.get("examples"))
                new[label] = _make_record(label, taxonomy, description)
                new[label]["examples"] = [_keep(nlp.make_doc(text)) for text in texts]
            except ValueError as error:
                if "source" not in record:
                    raise
                text = Errors.L336.format(source=record["source"], problem=error)
                raise ValueError(text) from None
        self.added.update(new)
        return len(new)

    @classmethod
    def from_dict(cls, data: Any) -> "LabelStore":
        """Read what vars() of a store gave.

        RAISES (DamagedError): L361.
        """
        check_fields(data, {"known": dict, "added": dict}, "'store'")
        for label, record in [*data["known"].items(), *data["added"].items()]:
            check_type(label, str, "a label")
            check_fields(record, {"names": list, "examples": list}, repr(label))
            if not check_texts(record["names"], f"'names' of {label!r}"):
                refuse(f"{label!r} has no name")
            for kept in record["examples"]:
                if not isinstance(kept, dict) or kept.keys() != {"text", "words"}:
                    refuse(f"an example of {label!r} has other keys")
                text = check_type(kept["text"], str, "a text")
                words = check_texts(kept["words"], "the words of a text")
                if "".join("".join(words).split()) != "".join(text.split()):
                    refuse(
                        f"an example of {label!r} doesn't have the words of its text"
                    )
        if not data["known"].keys().isdisjoint(data["added"]):
            refuse("a label was added that was there")
        return cls(**data)

    def make_cards(
        self, taxonomy: Taxonomy, nlp: Language, added: Mapping[str, Dict[str, Any]]
    ) -> List[LabelCard]:
        """RETURNS (List[LabelCard]): Of all labels, those from training first.

        added (Mapping[str, Dict[str, Any]]): Those that were added, at some moment.
        """
        groups = dict(zip(taxonomy.leaves, taxonomy.other_of.tolist()))
        return [
            LabelCard(
                label,
                [nlp.make_doc(text) for text in record["names"]],
                [
                    Doc(nlp.vocab, *get_words_and_spaces(kept["words"], kept["text"]))
                    for kept in record["examples"]
                ],
                groups.get(label, -1),
                label in added,
            )
            for label, record in [*self.known.items(), *added.items()]
        ]


def extend_taxonomy(taxonomy: Taxonomy, added: Iterable[str]) -> Taxonomy:
    """RETURNS (Taxonomy): With the run-time labels as leaves without documents, in
    depth-first order like the others.
    """
    counts = {**dict(zip(taxonomy.leaves, taxonomy.counts)), **dict.fromkeys(added, 0)}
    leaves = tuple(sorted(counts, key=lambda label: label.split(taxonomy.separator)))
    columns = {leaf: column for column, leaf in enumerate(leaves)}
    others = [
        Other(other.parent, tuple(columns[taxonomy.leaves[m]] for m in other.members))
        for other in taxonomy.others
    ]
    leaf_counts = tuple(counts[leaf] for leaf in leaves)
    return replace(taxonomy, leaves=leaves, counts=leaf_counts, others=tuple(others))


def _make_record(
    label: str,
    taxonomy: Taxonomy,
    description: Optional[str],
    title: Sequence[str] = (),
) -> Dict[str, Any]:
    names = get_name_texts(label, taxonomy.separator, description, title)
    return {"names": names, "examples": []}


def _keep(doc: Doc) -> Dict[str, Any]:
    return {"text": doc.text, "words": [token.text for token in doc]}


def check_added(label: Any, taxonomy: Taxonomy, added: Iterable[str]) -> None:
    """RAISES (ValueError): L001, L332, L333 or L335 if a label can't be added."""
    if not isinstance(label, str):
        raise ValueError(Errors.L335.format(problem=f"the label is {label!r}"))
    split_path(label, taxonomy.separator)
    if label in taxonomy.ranges or label in added:
        raise ValueError(Errors.L332.format(label=label))
    nodes = dict.fromkeys([*taxonomy.nodes, *added, label], 0)
    check_look_alikes(nodes, taxonomy.separator)
    _check_parent(label, taxonomy)


def _check_parent(label: str, taxonomy: Taxonomy) -> None:
    parent = taxonomy.parent(label)
    inner = [node for node in taxonomy.nodes if node not in taxonomy.index]
    if parent and parent not in inner:
        similar = find_similar(parent, inner)
        text = Errors.L333.format(label=label, parent=parent, similar=similar)
        raise ValueError(text)


def _check_texts(label: str, description: Any, examples: Any) -> List[Any]:
    """RETURNS (List[Any]): The examples, texts; none of None."""
    problem = None
    if description is not None and not isinstance(description, str):
        problem = f"the description of {label!r} is {description!r}"
    examples = () if examples is None else examples
    texts = list(examples) if isinstance(examples, Iterable) else [None]
    if isinstance(examples, str) or not all(isinstance(text, str) for text in texts):
        problem = problem or f"the examples of {label!r} are not a list of texts"
    if problem:
        raise ValueError(Errors.L335.format(problem=problem))
    return texts


def read_new_labels(path: Path) -> List[Dict[str, Any]]:
    """Read labels to add, see ZeroShotFallback.add_labels_from_file.

    RAISES (ValueError): L336 with file and line.
    """
    path = Path(path)
    if not path.is_file():
        problem = "there is no such file"
        raise ValueError(Errors.L336.format(source=path, problem=problem))
    records = []
    for number, data in parse_lines(path.read_bytes().splitlines()):
        source = f"{path}, line {number}"
        problem = ""
        if isinstance(data, ValueError):
            problem = str(data)
        elif not isinstance(data, dict) or not isinstance(data.get("label"), str):
            problem = "it isn't an object with a 'label'"
        elif unknown := set(data) - {"label", "description", "examples"}:
            problem = f"unknown keys {sorted(unknown)}"
        if problem:
            raise ValueError(Errors.L336.format(source=source, problem=problem))
        records.append({**data, "source": source})
    return records
