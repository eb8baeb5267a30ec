from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import get_words_and_spaces

from ...taxonomy import Other, Taxonomy
from ..names import get_name


class CardDocs(NamedTuple):
    """The fields of rankers.base.LabelCard, see there."""

    label: str
    names: List[Doc]
    examples: List[Doc]
    group: int
    is_added: bool


class LabelStore:
    """Remembers what labels are called and a few documents of each, as plain data.

    known (Dict[str, Dict[str, Any]]): "names", a list of texts, and "examples", a
        list of {"text", "words"}, of each label from training.
    added (Dict[str, Dict[str, Any]]): The same of labels that were added at run time.
    """

    def __init__(self) -> None:
        self.known: Dict[str, Dict[str, Any]] = {}
        self.added: Dict[str, Dict[str, Any]] = {}

    def collect(
        self,
        examples: Iterable[Example],
        taxonomy: Taxonomy,
        descriptions: Mapping[str, str],
        get_gold: Callable[..., Optional[List[str]]],
        *,
        max_examples: int,
    ) -> None:
        """Go through the training corpus and keep the first documents of each label.

        descriptions (Mapping[str, str]): Text of each described label.
        get_gold (Callable[..., Optional[List[str]]]): See TaxonomyPipe.
        max_examples (int): Documents to keep of each label.
        """
        self.known = {}
        for leaf in taxonomy.leaves:
            names = [get_name(leaf, taxonomy.separator)]
            names += [descriptions[leaf]] if leaf in descriptions else []
            self.known[leaf] = {"names": names, "examples": []}
        for row, example in enumerate(examples):
            for label in get_gold(example, row, taxonomy.ranges) or ():
                kept = self.known[label]["examples"] if label in self.known else None
                if kept is not None and len(kept) < max_examples:
                    doc = example.predicted
                    words = [token.text for token in doc]
                    kept.append({"text": doc.text, "words": words})

    def make_cards(self, taxonomy: Taxonomy, nlp: Language) -> List[CardDocs]:
        """RETURNS (List[CardDocs]): Of all labels, those from training first."""
        groups = dict(zip(taxonomy.leaves, taxonomy.other_of.tolist()))
        return [
            CardDocs(
                label,
                [nlp.make_doc(text) for text in record["names"]],
                [_make_doc(nlp, kept) for kept in record["examples"]],
                groups.get(label, -1),
                label in self.added,
            )
            for label, record in [*self.known.items(), *self.added.items()]
        ]

    def to_dict(self) -> Dict[str, Any]:
        return {"known": self.known, "added": self.added}

    def from_dict(self, data: Mapping[str, Any]) -> None:
        self.known, self.added = dict(data["known"]), dict(data["added"])


def extend_taxonomy(taxonomy: Taxonomy, added: Iterable[str]) -> Taxonomy:
    """RETURNS (Taxonomy): With the run-time labels as leaves without documents, in
    depth-first order like the others.
    """
    counts = {**dict(zip(taxonomy.leaves, taxonomy.counts)), **dict.fromkeys(added, 0)}
    leaves = tuple(sorted(counts, key=lambda label: label.split(taxonomy.separator)))
    columns = {leaf: column for column, leaf in enumerate(leaves)}
    others = tuple(
        Other(
            parent=other.parent,
            members=tuple(columns[taxonomy.leaves[m]] for m in other.members),
        )
        for other in taxonomy.others
    )
    return Taxonomy(
        leaves=leaves,
        counts=tuple(counts[leaf] for leaf in leaves),
        inner_counts=taxonomy.inner_counts,
        separator=taxonomy.separator,
        others=others,
        n_docs=taxonomy.n_docs,
    )


def _make_doc(nlp: Language, kept: Mapping[str, Any]) -> Doc:
    words, spaces = get_words_and_spaces(kept["words"], kept["text"])
    return Doc(nlp.vocab, words=words, spaces=spaces)
