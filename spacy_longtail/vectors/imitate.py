"""Teach the rows of a static table to imitate a sentence encoder."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Sequence, Tuple

import numpy
from thinc.types import Floats2d
from tqdm import tqdm

from ..errors import Errors
from ..settings import check_count
from .word_pieces import WordPieces

# Few sentences are learnt from in small batches, or there would be few steps.
BATCH_SIZE, MIN_BATCH_SIZE, MIN_BATCHES = 512, 32, 40
# Sentences that aren't learnt from, to measure on: a share, and at most so many.
HELD_OUT, MAX_HELD_OUT = 0.1, 5000
MIN_SENTENCES = 20
MIN_NORM = 1e-6


@dataclass(frozen=True)
class Bags:
    """Sentences as weighted rows of a table: those of sentence i are from starts[i] on.

    rows (ndarray): int32 array of shape (pieces,).
    weights (ndarray): float32 array of the same shape. Those of a word sum to 1.
    starts (ndarray): int64 array of shape (sentences + 1,).
    """

    rows: numpy.ndarray
    weights: numpy.ndarray
    starts: numpy.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, sentences: numpy.ndarray) -> Tuple[Any, Any, Any]:
        """RETURNS (Tuple[Tensor, Tensor, Tensor]): Rows, weights and starts of some of
        the sentences.
        """
        import torch

        lengths = numpy.diff(self.starts)[sentences]
        starts = numpy.cumsum(lengths) - lengths
        shifts = numpy.repeat(self.starts[sentences] - starts, lengths)
        places = shifts + numpy.arange(len(shifts))
        rows = self.rows[places].astype("int64")
        found = rows, self.weights[places], starts
        return tuple(map(torch.from_numpy, found))  # type: ignore[return-value]


@dataclass(frozen=True)
class Imitation:
    """Rows that imitate a sentence encoder.

    vectors (Floats2d): Array of shape (rows, width).
    n_sentences (int): Sentences that they were learnt from.
    n_held_out (int): Others, that were measured on.
    before, after (float): Mean cosine of the bag of a held-out sentence, a unit vector,
        and what it has to imitate.
    """

    vectors: Floats2d
    n_sentences: int
    n_held_out: int
    before: float
    after: float

    def describe(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): All but the vectors, as JSON values."""
        cosines = {"cosine_before": self.before, "cosine_after": self.after}
        rounded = {name: round(value, 4) for name, value in cosines.items()}
        return {"sentences": self.n_sentences, "held_out": self.n_held_out, **rounded}


def make_bags(lookup: WordPieces, sentences: Iterable[Sequence[str]]) -> Bags:
    """Look up the words of sentences, given in lower case.

    RETURNS (Bags): One for each sentence, as a static encoder adds up its words: an
        unknown word is the mean of its pieces.
    """
    known: dict = {}
    rows: List[int] = []
    lengths: List[int] = []
    starts = [0]
    for words in sentences:
        for word in words:
            found = known.get(word)
            if found is None:
                found = known[word] = lookup.find(word)
            rows.extend(found)
            lengths.extend([len(found)] * len(found))
        starts.append(len(rows))
    weights = 1 / numpy.asarray(lengths, dtype="float32")
    return Bags(numpy.asarray(rows, "int32"), weights, numpy.asarray(starts, "int64"))


def imitate(
    vectors: Floats2d,
    bags: Bags,
    targets: numpy.ndarray,
    *,
    share: float = 0.7,
    n_epochs: int = 2,
    rate: float = 0.002,
    seed: int = 0,
) -> Imitation:
    """Train rows so that bags of them point where a sentence encoder points, then go a
    part of the way from the old rows to the new ones.

    Sentences have few words in common with what a pipeline is trained on later, and the
    old rows know all words alike, so that a part of the way is better than all of it.
    Rows that no sentence has stay as they are. On average, rows stay as long as they
    were, which the learning rates of a pipeline rely on.

    Source: Tulkens & van Dongen (2024), "POTION: bag of tricks leads to better models",
        https://minish.ai/blog/2024-10-29-potion-model/, in spirit.

    vectors (Floats2d): The old rows, of shape (rows, width).
    bags (Bags): The sentences, in random order: the first are held out.
    targets (ndarray): The encoder's vectors, (sentences, at least width), any float.
    share (float): How much of the way to go, from 0.0 to 1.0.
    n_epochs (int): How often each sentence is learnt from.
    rate (float): Learning rate of Adam at the start; it falls to zero.
    seed (int): The same seed gives the same rows.
    RAISES (ValueError): L263 if there are fewer than 20 sentences with known words.
    """
    import torch

    check_count("n_epochs", n_epochs, 1)
    usable = numpy.flatnonzero(numpy.diff(bags.starts) > 0)
    if len(usable) < MIN_SENTENCES:
        raise ValueError(Errors.L263.format(n=len(usable), needed=MIN_SENTENCES))
    n_held_out = min(int(len(usable) * HELD_OUT), MAX_HELD_OUT)
    held_out, learnt = usable[:n_held_out], usable[n_held_out:]
    old = torch.from_numpy(numpy.array(vectors, dtype="float32"))
    with _on_one_thread():
        Y = _turn(targets, old, bags, learnt)
        new = _train(old, bags, Y, learnt, n_epochs, rate, seed)
        rows = numpy.unique(bags.take(learnt)[0].numpy())
        new[rows] *= old[rows].norm(dim=1).mean() / new[rows].norm(dim=1).mean()
        mixed = torch.lerp(old, new, share)
        before, after = (_measure(X, bags, Y, held_out) for X in (old, mixed))
    return Imitation(mixed.numpy(), len(learnt), n_held_out, before, after)


@contextmanager
def _on_one_thread() -> Iterator[None]:
    """Sums over several threads come out slightly differently each time."""
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _turn(targets: numpy.ndarray, X: Any, bags: Bags, learnt: numpy.ndarray) -> Any:
    """Turn centred targets into the space of the table, to unit length.

    Of all rotations of the encoder's space, cut to the width of the table, it is the
    one that brings them closest to the bags.

    Source: Schönemann (1966), "A generalized solution of the orthogonal Procrustes
        problem".
    """
    import torch

    mean = targets[learnt].mean(axis=0, dtype="float64").astype("float32")
    shared = torch.zeros(targets.shape[1], X.shape[1])
    for batch in _split(learnt):
        Y = torch.from_numpy(targets[batch].astype("float32") - mean)
        shared += Y.T @ _add_up(X, bags, batch)
    U, _, V = torch.linalg.svd(shared, full_matrices=False)
    turned = torch.zeros(len(targets), X.shape[1])
    for batch in _split(numpy.arange(len(targets))):
        Y = torch.from_numpy(targets[batch].astype("float32") - mean)
        turned[batch] = torch.nn.functional.normalize(Y @ (U @ V), dim=1)
    return turned


def _train(
    X: Any,
    bags: Bags,
    Y: Any,
    learnt: numpy.ndarray,
    n_epochs: int,
    rate: float,
    seed: int,
) -> Any:
    """RETURNS (Tensor): Rows with the highest mean cosine of bags and targets."""
    import torch

    rows = torch.nn.Parameter(X.clone())
    optimizer = torch.optim.SparseAdam([rows], lr=rate)
    rng = numpy.random.RandomState(seed)
    size = max(MIN_BATCH_SIZE, min(len(learnt) // MIN_BATCHES, BATCH_SIZE))
    epochs = (_split(rng.permutation(learnt), size) for _ in range(n_epochs))
    batches = [batch for epoch in epochs for batch in epoch]
    progress = tqdm(batches, unit=" batches", delay=3, disable=None)
    for step, batch in enumerate(progress):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / len(batches))
        optimizer.zero_grad()
        cosines = (_add_up(rows, bags, batch, sparse=True) * Y[batch]).sum(dim=1)
        (1 - cosines).mean().backward()
        optimizer.step()
    return rows.detach()


def _measure(X: Any, bags: Bags, Y: Any, sentences: numpy.ndarray) -> float:
    total = sum(
        float((_add_up(X, bags, batch) * Y[batch]).sum()) for batch in _split(sentences)
    )
    return total / len(sentences)


def _add_up(X: Any, bags: Bags, sentences: numpy.ndarray, sparse: bool = False) -> Any:
    from torch.nn.functional import embedding_bag, normalize

    rows, weights, starts = bags.take(sentences)
    sums = embedding_bag(
        rows, X, starts, mode="sum", sparse=sparse, per_sample_weights=weights
    )
    return normalize(sums, dim=1, eps=MIN_NORM)


def _split(sentences: numpy.ndarray, size: int = BATCH_SIZE) -> List[numpy.ndarray]:
    """Into batches."""
    return numpy.split(sentences, range(size, len(sentences), size))
