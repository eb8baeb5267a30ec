from types import SimpleNamespace
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

import numpy

from ...locks import LOCK

# Word pieces of a batch, padding included: what a batch costs in memory.
MAX_BATCH_PIECES = 4096


class Windows(NamedTuple):
    """Texts as the windows that a transformer reads.

    rows (List[Dict[str, List[int]]]): The inputs of the transformer for each window,
        by name: "input_ids", its word pieces with the special ones, and maybe others.
    owners (List[int]): The text that each window is from.
    """

    rows: List[Dict[str, List[int]]]
    owners: List[int]


def split_windows(
    tokenizer: Any, texts: List[str], window: int, pairs: Optional[List[str]] = None
) -> Windows:
    """Split texts into windows that follow each other without overlap.

    tokenizer (Any): A tokenizer of the transformers library, fast or not.
    window (int): Most word pieces of a window, its pair and special ones included.
    pairs (Optional[List[str]]): A second text for each, whole in each of its windows.
    RETURNS (Windows): Together they have all word pieces of the texts.
    """
    if not texts:
        return Windows([], [])
    if not tokenizer.is_fast:
        return _split_slowly(tokenizer, texts, window, pairs)
    # A fast tokenizer remembers where to cut, which another thread could change.
    with LOCK:
        found = tokenizer(
            texts,
            pairs,
            truncation="only_first",
            max_length=window,
            return_overflowing_tokens=True,
        )
    owners = found.pop("overflow_to_sample_mapping")
    names = list(found)
    return Windows([dict(zip(names, row)) for row in zip(*found.values())], owners)


def _split_slowly(
    tokenizer: Any, texts: List[str], window: int, pairs: Optional[List[str]]
) -> Windows:
    """Split with a tokenizer that can't return what it cuts off."""
    windows = Windows([], [])
    for owner, text in enumerate(texts):
        pieces = get_pieces(tokenizer, text)
        pair = None if pairs is None else get_pieces(tokenizer, pairs[owner])
        n_special = tokenizer.num_special_tokens_to_add(pair=pair is not None)
        length = window - n_special - len(pair or ())
        for start in range(0, max(len(pieces), 1), length):
            part = pieces[start : start + length]
            windows.rows.append(dict(tokenizer.prepare_for_model(part, pair)))
            windows.owners.append(owner)
    return windows


def get_pieces(tokenizer: Any, text: str) -> List[int]:
    """RETURNS (List[int]): Word pieces of a text, without special ones."""
    with LOCK:
        return tokenizer.encode(text, add_special_tokens=False, verbose=False)


def get_limit(tokenizer: Any, config: Any, window: int) -> int:
    """RETURNS (int): Length of a window that the transformer can read, at most this."""
    # RoBERTa counts positions from 2, and its tokenizers may know no limit.
    positions = getattr(config, "max_position_embeddings", None) or window + 2
    limits = [window, tokenizer.model_max_length]
    if tokenizer.model_max_length > positions:
        limits.append(positions - 2)
    return int(min(limits))


def batch_windows(windows: Windows) -> Iterator[numpy.ndarray]:
    """Group windows of similar length, so that there is little padding.

    YIELDS (numpy.ndarray): Numbers of the windows of a batch, longest first.
    """
    lengths = numpy.asarray([len(row["input_ids"]) for row in windows.rows])
    order = numpy.argsort(-lengths, kind="stable")
    while len(order):
        size = max(1, MAX_BATCH_PIECES // int(lengths[order[0]]))
        yield order[:size]
        order = order[size:]


def pad_windows(batch: List[List[int]], pad_id: int) -> SimpleNamespace:
    """RETURNS (SimpleNamespace): The word pieces of windows, padded on the right, as
    spacy-transformers wants them. The mask is 1.0 for a word piece, 0.0 for padding.
    """
    lengths = numpy.asarray([len(pieces) for pieces in batch])
    mask = numpy.arange(lengths.max()) < lengths[:, None]
    ids = numpy.full(mask.shape, pad_id, dtype="int64")
    ids[mask] = numpy.concatenate(batch)
    return SimpleNamespace(
        input_ids=ids, attention_mask=mask.astype("float32"), token_type_ids=None
    )
