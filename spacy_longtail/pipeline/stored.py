"""What a Doc stores of a decision: one `bytes`, which costs nothing until it is read.

A dict of lists and tuples costs more than the decision itself: Python's garbage
collector visits it again and again, and it is taken apart and put together whenever a
Doc goes to another process. `bytes` are neither. They hold all names, so that they can
be read without the pipeline.

After a head of fixed size come numbers of 64 bits, the candidates' probabilities and
those of the levels, then the texts, each after its length: the component, the stage,
the reason, the nodes of the path, the parent of the Other, the candidates, then what is
there of the label (unless it's the first candidate), the labels, the label before and
the labels before.
"""

from itertools import islice
from struct import Struct
from typing import Any, Dict, Iterable, Iterator, List

import numpy

from ..errors import Errors

# What get_stored returns: see Decision.to_user_data.
DataT = Dict[str, Any]
FORMAT = 1
# Format, flags, numbers of levels, candidates, labels and labels before, probability,
# known, mass of the Other.
HEAD = Struct("<BBHIIIddd")
LENGTH = Struct("<I")
PIPE, OTHER, LABEL, BEST, LABELS, REFINED, FIRST = (1 << bit for bit in range(7))


def pack_text(text: str) -> bytes:
    """RETURNS (bytes): A text after its length."""
    data = text.encode("utf8", "surrogatepass")
    return LENGTH.pack(len(data)) + data


def pack_texts(texts: Iterable[str]) -> bytes:
    return b"".join(map(pack_text, texts))


def get_row_type(n_candidates: int, n_levels: int) -> numpy.dtype:
    """RETURNS (numpy.dtype): The head and the numbers of many decisions, a row each.
    Those with fewer levels end earlier.
    """
    names = ("format", "flags", "n_levels", "n_candidates", "n_labels", "n_before")
    head = list(zip(names, ("u1", "u1", "<u2", "<u4", "<u4", "<u4")))
    head += [(name, "<f8") for name in ("probability", "known", "mass")]
    numbers = [("candidates", "<f8", (n_candidates,)), ("levels", "<f8", (n_levels,))]
    return numpy.dtype([*head, *numbers])


def pack_decision(data: DataT) -> bytes:
    """RETURNS (bytes): What unpack_decision turns into the same again."""
    levels, candidates, label = data["levels"], data["candidates"], data["label"]
    is_best = bool(candidates) and label == candidates[0][0]
    labels, before = data.get("labels", ()), data.get("first_labels", ())
    other, pipe, first = data["other"], data["pipe"], data.get("first")
    there = [pipe is not None, other is not None, label is not None, is_best]
    there += ["labels" in data, "first" in data, first is not None]
    flags = sum(is_there << bit for bit, is_there in enumerate(there))
    sizes = [len(part) for part in (levels, candidates, labels, before)]
    mass = 0.0 if other is None else other[1]
    head = HEAD.pack(FORMAT, flags, *sizes, data["probability"], data["known"], mass)
    numbers = [share for _, share in (*candidates, *levels)]
    texts = [pipe or "", data["stage"], data["reason"], *(node for node, _ in levels)]
    texts += [] if other is None else [other[0]]
    texts += [name for name, _ in candidates]
    texts += [] if label is None or is_best else [label]
    texts += [*labels, *([] if first is None else [first]), *before]
    return head + Struct(f"<{len(numbers)}d").pack(*numbers) + pack_texts(texts)


def unpack_decision(stored: bytes) -> DataT:
    """RETURNS (DataT): Names and numbers, the pairs of which are tuples.
    RAISES (ValueError): L305 if a newer version wrote it.
    """
    if stored[0] > FORMAT:
        raise ValueError(Errors.L305.format(found=stored[0], known=FORMAT))
    found = HEAD.unpack_from(stored)
    _, flags, n_levels, n_candidates, n_labels, n_before, *numbers = found
    layout = Struct(f"<{n_candidates + n_levels}d")
    shares = layout.unpack_from(stored, HEAD.size)
    texts = _read_texts(stored, HEAD.size + layout.size)
    data: DataT = dict(zip(("probability", "known"), numbers))
    pipe, data["stage"], data["reason"] = _take(texts, 3)
    data["pipe"] = pipe if flags & PIPE else None
    data["levels"] = list(zip(_take(texts, n_levels), shares[n_candidates:]))
    data["other"] = (next(texts), numbers[2]) if flags & OTHER else None
    data["candidates"] = list(zip(_take(texts, n_candidates), shares))
    if flags & BEST:
        data["label"] = data["candidates"][0][0]
    else:
        data["label"] = next(texts) if flags & LABEL else None
    if flags & LABELS:
        data["labels"] = _take(texts, n_labels)
    if flags & REFINED:
        data["first"] = next(texts) if flags & FIRST else None
        if flags & LABELS:
            data["first_labels"] = _take(texts, n_before)
    return data


def _read_texts(stored: bytes, start: int) -> Iterator[str]:
    while start < len(stored):
        (length,) = LENGTH.unpack_from(stored, start)
        start += LENGTH.size
        yield stored[start : start + length].decode("utf8", "surrogatepass")
        start += length


def _take(texts: Iterator[str], n: int) -> List[str]:
    return list(islice(texts, n))
