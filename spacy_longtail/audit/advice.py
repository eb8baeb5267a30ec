"""From facts to sentences."""

from typing import Iterator, List, Optional, Tuple

from ..presentation import count_noun
from .facts import Audit, Pooling

# A share below which it isn't worth a sentence.
FEW = 0.005
MIN_COUNT = 3
MANY_LABELS = 1000
# Where they know less, character n-grams make the trained classifier better. Where they
# know more, they do if there are texts enough to learn them from, or several labels.
KNOWN_SHARE, MANY_DOCS = 0.9, 5000
# The least share of words that the vectors know, and their weight beside n-grams before
# anything is trained.
START_WEIGHTS = (KNOWN_SHARE, 0.8), (0.5, 0.75), (0.05, 0.6), (0.0, 0.5)
# Their weight in training: where they know next to no words or few, where labels have
# many texts, and where they have few, of which n-grams learn less than vectors know.
UNKNOWN_WEIGHT, FOREIGN_WEIGHT, MANY_WEIGHT, FEW_WEIGHT = 0.5, 0.7, 0.74, 0.87
UNKNOWN_SHARE, FOREIGN_SHARE, MANY_PER_LABEL = 0.05, 0.5, 50
# The share of long texts from which it is.
LONG_SHARE = 0.02


def give_advice(facts: Audit) -> List[str]:
    """RETURNS (List[str]): What follows from the facts, the most important first."""
    found = _get_label_advice, _get_dev_advice, _get_text_advice
    return [sentence for get_advice in found for sentence in get_advice(facts)]


def choose_pooling(facts: Audit, wanted: int = MIN_COUNT) -> Pooling:
    """Choose the largest min_count, up to what is wanted, that pools no more than half
    of the labels: an Other is there for the exceptions. If there is none, it is 0.
    """
    for pooling in reversed(facts.pooling):
        if pooling.min_count <= wanted and pooling.n_labels <= facts.n_labels / 2:
            return pooling
    return Pooling(min_count=0, n_labels=0, n_docs=0, n_others=0, largest=[])


def _get_label_advice(facts: Audit) -> Iterator[str]:
    n = f"{facts.n_labels:,}"
    if facts.has_codes:
        yield (
            f"{facts.n_codes:,} of {n} labels are codes, whose words help nothing: "
            "train with a table of codes and titles, --paths.descriptions codes.csv."
        )
    rare = facts.count_rarer(5)
    if rare:
        pooling, has = choose_pooling(facts), "has" if rare == 1 else "have"
        advice = "descriptions help those most"
        if pooling.n_labels:
            pools = f"min_count = {pooling.min_count} pools {pooling.n_labels:,} of"
            advice = f"{pools} them, and {advice}"
        yield f"{rare:,} of {n} labels {has} fewer than 5 documents: {advice}."
    if facts.imbalance_ratio >= 10 and facts.max_labels == 1:
        yield (
            f"The most frequent label has {facts.imbalance_ratio:,.0f} times the "
            "documents of the rarest, and the ten most frequent have "
            f"{facts.top_10_share:.0%} of all: keep the loss of the configs, and "
            'choose prior = "uniform" if every label matters as much, "train" if every '
            "document does."
        )
    if facts.n_labels >= MANY_LABELS and facts.max_labels == 1:
        yield (
            f"{n} labels make {n} keys in the cats of each document: set cats_top_k = "
            "20 if you keep the documents."
        )
    for group in facts.similar_labels[:3]:
        names = " and ".join(map(repr, group))
        yield f"{names} differ in their spelling only: are they one label?"
    if facts.n_unlabelled:
        advice = (
            f"{facts.n_unlabelled:,} of {facts.n_docs:,} documents have no label, and "
            "aren't learned from"
        )
        if facts.max_labels > 1:
            advice += ': set missing = "negative" if that means that they have none'
        yield f"{advice}."


def _get_dev_advice(facts: Audit) -> Iterator[str]:
    dev = facts.dev
    if dev is None:
        return
    if None not in (dev.lang, facts.lang) and dev.lang != facts.lang:
        yield (
            f"The corpus was made for the language {facts.lang}, and dev for "
            f"{dev.lang}: convert both for the same one."
        )
    if dev.n_missing:
        names = ", ".join(map(repr, dev.missing[:3]))
        yield (
            f"{dev.n_missing:,} of {facts.n_labels:,} labels are missing from dev, for "
            f"example {names}: its macro-F1 says nothing about them."
        )
    if dev.unseen:
        names = ", ".join(map(repr, dev.unseen[:3]))
        be, they = ("is", "it") if len(dev.unseen) == 1 else ("are", "they")
        yield (
            f"{count_noun(len(dev.unseen), 'label')} {be} in dev only, for example "
            f"{names}: {they} can't be predicted."
        )
    if dev.n_shared:
        yield (
            f"{dev.n_shared:,} of {dev.n_docs:,} dev documents have a text that is in "
            "the corpus as well: scores on them are too good. `convert` removes them."
        )


def knows_few_words(facts: Audit) -> bool:
    """RETURNS (bool): Whether the vectors of the package know too few words."""
    share = facts.texts.known_share
    return share is not None and share < KNOWN_SHARE


def needs_ngrams(facts: Audit) -> bool:
    """RETURNS (bool): Whether character n-grams help beside the vectors."""
    is_learnable = facts.max_labels > 1 or facts.n_docs >= MANY_DOCS
    return knows_few_words(facts) or is_learnable


def choose_start_weight(known_share: Optional[float]) -> float:
    """RETURNS (float): Of word vectors beside character n-grams, before training: the
    less they know, the less they weigh.

    known_share (Optional[float]): The share of words that they know, if that is known.
    """
    known = 1.0 if known_share is None else known_share
    return next(weight for least, weight in START_WEIGHTS if known >= least)


def choose_word_weight(facts: Audit) -> Tuple[float, str]:
    """RETURNS (Tuple[float, str]): The weight of word vectors beside character n-grams
    in training, and why.
    """
    known = facts.texts.known_share
    share = 1.0 if known is None else known
    if share < UNKNOWN_SHARE:
        return UNKNOWN_WEIGHT, "Less than n-grams, as they know next to no words."
    if share < FOREIGN_SHARE:
        return FOREIGN_WEIGHT, "As much as n-grams, as they know less than half."
    if sum(facts.counts.values()) >= MANY_PER_LABEL * facts.n_labels:
        return MANY_WEIGHT, "N-grams of so many documents a label tell much, too."
    return FEW_WEIGHT, "More than n-grams, as few documents a label say little of them."


def _get_text_advice(facts: Audit) -> Iterator[str]:
    texts = facts.texts
    if knows_few_words(facts):
        yield (
            f"The vectors of the package know {texts.known_share:.0%} of the words of "
            "more than three letters: character n-grams help, which `init-config` "
            "turns on."
        )
    if texts.n_conflicts:
        yield (
            f"{texts.n_conflicts:,} texts have different labels in different "
            "documents: no classifier can get all of them right. Look at the examples."
        )
    if texts.n_near_conflicts:
        pairs, be, have = "pairs", "are", "have"
        if texts.n_near_conflicts == 1:
            pairs, be, have = "pair", "is", "has"
        yield (
            f"At least {texts.n_near_conflicts:,} {pairs} of texts {be} nearly the "
            f"same, but {have} different labels: check what distinguishes these labels."
        )
    if texts.n_duplicates > FEW * facts.n_docs:
        yield (
            f"{texts.n_duplicates:,} documents repeat the text and label of another: "
            "fine if your traffic does so too, else remove them."
        )
    if texts.n_empty:
        yield f"{texts.n_empty:,} texts have no word in them: remove them."
    if texts.n_long > LONG_SHARE * facts.n_docs:
        yield (
            f"{texts.n_long:,} texts have more than {texts.long_limit} words: a "
            "transformer reads them in several windows, and takes longer."
        )
