"""How labels are written: what looks the same should be the same."""

import re
import unicodedata
from difflib import get_close_matches
from itertools import accumulate
from typing import Dict, Iterable, List, Mapping, Set, Tuple

from .errors import Errors
from .presentation import escape
from .texts import INVISIBLE

# What controls a terminal, and letters that look like nothing.
UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u115f\u1160\u3164\uffa0\ufff0-\ufff8]|"
    + INVISIBLE.pattern
)
# Scripts and emoji need them inside of words: joiners and variation selectors.
MEANT = re.compile("[\u180b-\u180f\u200c\u200d\ufe00-\ufe0f]")

# Letters of a word, as codes have none. In other scripts than Latin, one is enough.
LETTERS = re.compile(r"[^\W\d_]{3,}|[^\W\d_A-Za-z\u00c0-\u024f]")


def clean_segment(text: str) -> str:
    """Write a segment of a label as it looks: composed (NFC), with single plain spaces
    between its words only, without invisible characters but those that scripts need.
    """
    if not (text.isascii() and text.isprintable()):
        text = UNSEEN.sub(lambda m: "".join(MEANT.findall(m[0])), text)
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def has_word(name: str) -> bool:
    """RETURNS (bool): Whether a name has a word, and isn't just a code."""
    return LETTERS.search(name) is not None


def get_look(label: str, separator: str) -> str:
    """RETURNS (str): The same for labels that look the same, joiners or not."""
    if label.isascii() and label.isprintable() and " " not in label:
        return label
    segments = UNSEEN.sub("", label).split(separator)
    return separator.join(clean_segment(segment) for segment in segments)


def find_look_alikes(labels: Iterable[str], separator: str) -> List[Tuple[str, str]]:
    """RETURNS (List[Tuple[str, str]]): Pairs of labels, or of nodes above them, that
    differ but look the same.
    """
    first_of: Dict[str, str] = {}
    seen: Set[str] = set()
    pairs = []
    for label in labels:
        segments = label.split(separator)
        for node in accumulate(segments, lambda *pair: separator.join(pair)):
            if node not in seen:
                seen.add(node)
                first = first_of.setdefault(get_look(node, separator), node)
                if first != node:
                    pairs.append((first, node))
    return pairs


def check_look_alikes(counts: Mapping[str, int], separator: str) -> None:
    """RAISES (ValueError): L012 if two labels, or nodes above them, look the same.

    counts (Mapping[str, int]): Documents of each label.
    """
    for pair in find_look_alikes(counts, separator):
        # The separator keeps "bank" from being above "banking".
        n, m = (
            sum(
                count
                for label, count in counts.items()
                if (label + separator).startswith(node + separator)
            )
            for node in pair
        )
        first, second = map(ascii, pair)
        text = Errors.L012.format(look=pair[0], first=first, n=n, second=second, m=m)
        raise ValueError(text)


def find_similar(name: str, names: Iterable[str]) -> str:
    """RETURNS (str): Up to three of the names that look like it, for a message. One
    that looks the same is written so that the difference shows.
    """
    names, look = list(names), get_look(name, "/")
    for other in names:
        if other != name and get_look(other, "/") == look:
            return f"{ascii(other)}, which looks the same as {ascii(name)}"
    return escape(", ".join(get_close_matches(name, names, cutoff=0.5))) or "–"
