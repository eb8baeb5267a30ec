"""Which code is above which."""

import re
from collections import defaultdict
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import JobErrors

# A code like 31-33, which stands for 31, 32 and 33, and the most that it can stand for.
RANGE = re.compile(r"(\d+)\s*[-–]\s*(\d+)")
MAX_RANGE = 20
COUNTED = re.compile(r"(\D*)(\d+)")
# The least share of the codes that are below another one if they are a hierarchy, and
# how many times as many as they are their numbers are at least: others just count.
LEAST_BELOW, SPARSE = 0.5, 3
TreeT = Dict[str, Optional[str]]


def follow_parents(parents: Mapping[str, str], places: Mapping[str, str]) -> TreeT:
    """Check the parents that a list names, by code, "" for none.

    places (Mapping[str, str]): Where each code stands, for messages.
    RETURNS (Dict[str, Optional[str]]): The parent of each code, which can be one
        that isn't listed.
    RAISES (ValueError): L783 if a code is above itself.
    """
    tree: TreeT = {code: parent or None for code, parent in parents.items()}
    for code in tree:
        seen, above = [code], tree[code]
        while above is not None:
            if above in seen:
                path = " > ".join(map(repr, [*seen, above]))
                raise ValueError(JobErrors.L783.format(where=places[code], path=path))
            seen.append(above)
            above = tree.get(above)
    return tree


def infer_parents(codes: Sequence[str]) -> Optional[TreeT]:
    """Find a hierarchy in codes that begin like those above them, as 72 > 721 > 7211,
    punctuation or not.

    RETURNS (Optional[Dict[str, Optional[str]]]): The parent of each code. None if that
        isn't clear: if most have none, or if they are numbers that just count.
    """
    spelled = {code: _spell(code) for code in codes}
    known: Dict[str, str] = {}
    for code in codes:
        for name in _expand(code) or [spelled[code]]:
            known.setdefault(name, code)
    tree: TreeT = {}
    for code in codes:
        name = spelled[code]
        starts = (name[:n] for n in range(len(name) - 1, 0, -1))
        found = (known[start] for start in starts if start in known)
        tree[code] = None if _expand(code) else next(found, None)
    n_below = sum(parent is not None for parent in tree.values())
    if n_below < LEAST_BELOW * len(tree) or _just_count(list(spelled.values())):
        return None
    return tree


def _spell(code: str) -> str:
    return "".join(filter(str.isalnum, code)).casefold()


def _expand(code: str) -> List[str]:
    """RETURNS (List[str]): The codes that a range stands for, none if it is none."""
    found = RANGE.fullmatch(code.strip())
    if not found or len(found[1]) != len(found[2]):
        return []
    first, last = int(found[1]), int(found[2])
    if not first < last < first + MAX_RANGE:
        return []
    return [str(n).zfill(len(found[1])) for n in range(first, last + 1)]


def _just_count(names: Sequence[str]) -> bool:
    """RETURNS (bool): Whether codes are 1, 2, 3 … or A1, A2, A3 …"""
    numbers: Dict[str, List[int]] = defaultdict(list)
    for name in names:
        found = COUNTED.fullmatch(name)
        if not found or (len(found[2]) > 1 and found[2].startswith("0")):
            return False
        numbers[found[1]].append(int(found[2]))
    return all(max(own) < SPARSE * len(own) for own in numbers.values())


def get_path(code: str, tree: TreeT) -> Tuple[str, ...]:
    """RETURNS (Tuple[str, ...]): A code and all those above it, from the top."""
    path, above = [code], tree.get(code)
    while above is not None:
        path.append(above)
        above = tree.get(above)
    return tuple(path[::-1])
