"""What becomes of categories when a pipeline is trained further."""

from typing import Dict, List, NamedTuple, Set, Tuple

from ..taxonomy import Taxonomy

# What can become of a category, in the order in which it's told, and why.
FATES = {
    "new": "new, with a column of its own",
    "promoted": "pooled before, and has a column of its own now",
    "trained": "was added at run time, and has a column of its own now",
    "new, pooled": "new, with too few texts for a column of its own",
    "trained, pooled": "was added at run time, with too few texts for a column",
    "pooled": "still has too few texts for a column of its own",
    "at run time": "was added at run time, and the corpus has no text of it",
    "demoted": "is pooled now",
    "forgotten": "forgotten, as --forget says",
    "without texts": "has no text in the corpus any more, and keeps what was learned",
}


class Labels(NamedTuple):
    """What a component and its fallback know.

    taxonomy (Taxonomy): Of the component.
    added (Tuple[str, ...]): Labels that were added at run time.
    """

    taxonomy: Taxonomy
    added: Tuple[str, ...]

    @property
    def known(self) -> Set[str]:
        """RETURNS (Set[str]): All of them."""
        return {*self.taxonomy.leaves, *self.added}


class Category(NamedTuple):
    """A category of which something is to be said.

    label (str): Its path.
    fate (str): One of FATES.
    before, now (int): Its training texts.
    """

    label: str
    fate: str
    before: int
    now: int


def describe_categories(before: Labels, now: Labels) -> List[Category]:
    """RETURNS (List[Category]): All categories but those that had and have a column of
    their own and texts. In the order of FATES, those with the most texts first.
    """
    old = dict(zip(before.taxonomy.leaves, before.taxonomy.counts))
    counts: Dict[str, int] = dict(zip(now.taxonomy.leaves, now.taxonomy.counts))
    found = [
        Category(label, fate, old.get(label, 0), n)
        for label, n in counts.items()
        if (fate := _find_fate(label, n, before, now))
    ]
    left = sorted({*now.added} - counts.keys())
    found += [Category(label, "at run time", 0, 0) for label in left]
    gone = before.known - now.known
    found += [Category(label, "forgotten", old.get(label, 0), 0) for label in gone]
    order = list(FATES)
    return sorted(
        found,
        key=lambda c: (order.index(c.fate), -max(c.now, c.before), c.label),
    )


def _find_fate(label: str, n: int, before: Labels, now: Labels) -> str:
    is_pooled = label in now.taxonomy.pooled
    if label in before.added:
        return "trained, pooled" if is_pooled else "trained"
    if label not in before.taxonomy.index:
        return "new, pooled" if is_pooled else "new"
    if not n:
        return "without texts"
    if label in before.taxonomy.pooled:
        return "pooled" if is_pooled else "promoted"
    return "demoted" if is_pooled else ""
