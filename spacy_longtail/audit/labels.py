"""What the counts of the labels say, and their names."""

import re
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import numpy

from ..descriptions import check_descriptions, get_titles, make_label_descriptions
from ..losses.class_balanced import make_class_balanced
from ..losses.logit_adjusted import make_logit_adjusted
from ..losses.weighted import make_weighted_cross_entropy
from ..scoring.predictions import GROUPS, HEAD, MID
from ..spelling import get_look
from ..taxonomy import SEPARATOR, Taxonomy, build_taxonomy
from .facts import Bucket, Level, Pooling, Weight

MIN_COUNTS = (2, 3, 5, 10, 20, 50)
MAX_OTHERS = 5
# Runs of letters of at least three, digits beside them or not; of scripts like Chinese,
# or others than Latin, one is enough.
WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{3,}|[^\W\d_A-Za-z\u00c0-\u024f]")
# From so many labels on, a word that so large a share of them has says nothing.
MANY, COMMON = 10, 0.9
# Of a description that stands for a title.
MAX_TITLE = 80
# From the most frequent to the rarest label.
QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


def get_levels(counts: Mapping[str, int], taxonomy: Taxonomy) -> List[Level]:
    """RETURNS (List[Level]): The levels from the top."""
    n_docs: Dict[int, "Counter[str]"] = defaultdict(Counter)
    for label, n in counts.items():
        for depth, node in enumerate(taxonomy.path(label), start=1):
            n_docs[depth][node] += n
    return [
        Level(depth, len(ns), sum(ns), min(ns), float(median(ns)), max(ns))
        for depth, ns in ((depth, n.values()) for depth, n in n_docs.items())
    ]


def get_buckets(counts: Mapping[str, int]) -> List[Bucket]:
    """RETURNS (List[Bucket]): Head, mid and tail, those of the scorer."""
    values = numpy.asarray(list(counts.values()))
    buckets = []
    for name, least, most in zip(GROUPS, (HEAD, MID, 0), (numpy.inf, HEAD, MID)):
        own = values[(values >= least) & (values < most)]
        share = float(own.sum() / max(values.sum(), 1))
        buckets.append(Bucket(name, len(own), int(own.sum()), share))
    return buckets


def get_poolings(counts: Mapping[str, int], separator: str) -> List[Pooling]:
    """RETURNS (List[Pooling]): What each of MIN_COUNTS would pool."""
    found = []
    for min_count in MIN_COUNTS:
        taxonomy = build_taxonomy(counts, min_count=min_count, separator=separator)
        others: List[Dict[str, Any]] = [
            {
                "parent": other.parent,
                "n_labels": len(other.members),
                "n_docs": sum(taxonomy.counts[member] for member in other.members),
            }
            for other in sorted(taxonomy.others, key=lambda other: -len(other.members))
        ]
        n_docs = sum(other["n_docs"] for other in others)
        n_labels, largest = len(taxonomy.pooled), others[:MAX_OTHERS]
        found.append(Pooling(min_count, n_labels, n_docs, len(others), largest))
    return found


def get_weights(taxonomy: Taxonomy) -> List[Weight]:
    """RETURNS (List[Weight]): Of some labels from the most frequent to the rarest."""
    weights = [
        numpy.asarray(make_weighted_cross_entropy()(taxonomy).weights),
        numpy.asarray(make_class_balanced()(taxonomy).weights),
        # What is added to the logits in training is missing from them in prediction.
        numpy.exp(-numpy.asarray(make_logit_adjusted()(taxonomy).shifts)),
    ]
    order = numpy.argsort(-numpy.asarray(taxonomy.counts), kind="stable")
    chosen = [order[int(round(q * (len(order) - 1)))] for q in QUANTILES]
    found = []
    for i in dict.fromkeys(chosen):
        compared = [float(values[i] / values[chosen[0]]) for values in weights]
        found.append(Weight(taxonomy.leaves[i], taxonomy.counts[i], *compared))
    return found


def find_spellings(labels: List[str]) -> List[List[str]]:
    """RETURNS (List[List[str]]): Labels that differ in case, spaces, hyphens,
    underscores or what nobody sees only.
    """
    groups: Dict[str, List[str]] = defaultdict(list)
    for label in labels:
        plain = (
            get_look(label, SEPARATOR).replace("_", " ").replace("-", " ").casefold()
        )
        groups["".join(plain.split())].append(label)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def find_codes(labels: Sequence[str], separator: str) -> List[str]:
    """RETURNS (List[str]): The labels that end with a code: a digit, and no word but
    one that nearly all have, like the "CWE" of "CWE-79".
    """
    names = [label.rpartition(separator)[2] for label in labels]
    words = [set(_find_words(name)) for name in names]
    n_labels = Counter(word for found in words for word in found)
    most = COMMON * len(labels) if len(labels) >= MANY else len(labels)
    common = {word for word, n in n_labels.items() if n > most}
    return [
        label
        for label, name, found in zip(labels, names, words)
        if not found - common and any(map(str.isdigit, name))
    ]


def read_titles(path: Optional[Path], taxonomy: Taxonomy) -> Dict[str, str]:
    """Read what labels are called.

    path (Optional[Path]): See make_label_descriptions.
    RETURNS (Dict[str, str]): The title of each label that has one, and of other codes
        the description, or its start.
    RAISES (ValueError): Description errors, see check_descriptions.
    """
    records = make_label_descriptions(path)
    texts = check_descriptions(records, taxonomy)
    titles = {label: title for label, (title, _) in get_titles(records).items()}
    for code in find_codes(list(taxonomy.leaves), taxonomy.separator):
        if code in texts:
            text = texts[code]
            is_long = len(text) > MAX_TITLE
            start = f"{text[: MAX_TITLE - 1]}…" if is_long else text
            titles.setdefault(code, start)
    return titles


def _find_words(name: str) -> Iterator[str]:
    for match in WORD.finditer(name):
        beside = name[match.start() - 1 : match.start()] + name[match.end() :][:1]
        # Like "B00ABC12", but not "windows10".
        if not (match[0].isupper() and any(map(str.isdigit, beside))):
            yield match[0].casefold()
