import re
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from thinc.types import Floats2d
from tqdm import tqdm

from ..errors import Errors
from ..settings import check_count
from .local_model import load_transformer
from .pipeline import TYPICAL_LENGTH
from .sentences import Sentence, teach
from .table import StaticTable
from .word_pieces import CONTINUED

BATCH_SIZE = 1024
# Marks of a piece that begins a word, in SentencePiece and in byte-level BPE.
BEGINS = ("\u2581", "\u0120")
# "[CLS]", "[unused1]", "<s>", "<|endoftext|>"
SPECIAL = re.compile(r"\[.+\]|<.+>")


def distill(
    name: str,
    words: Iterable[str] = (),
    *,
    table_name: str,
    use_vocabulary: bool = True,
    width: int = 256,
    smoothing: float = 1e-4,
    whitening: float = 0.5,
    meta: Optional[Dict[str, Any]] = None,
    sentences: Optional[Sequence[Sentence]] = None,
) -> StaticTable:
    """Make static word vectors from a transformer, in any language it knows.

    Each word and word piece is run through the transformer by itself, the vectors
    are reduced to their principal components and weighted by frequency. If there are
    sentences, the vectors then learn to imitate the transformer on them.

    name (str): The transformer, see find_model.
    words (Iterable[str]): Further words, the most frequent first; those that its
        tokenizer has are left out.
    table_name (str): Name of the table.
    use_vocabulary (bool): Take the words and pieces of the tokenizer, which have to
        be in the order of their frequency, as they nearly always are. If False, the
        table has only the further words, and no pieces of unknown words.
    width (int): Length of the vectors, at most that of the transformer's.
    smoothing, whitening (float): See reduce_vectors.
    meta (Optional[Dict[str, Any]]): JSON values to keep with the table. What came of
        the sentences is added as "imitation", see Imitation.
    sentences (Optional[Sequence[Sentence]]): See read_sentences.
    RAISES (ValueError): L210 or L211 if the transformer can't be loaded, L260 if
        there are fewer than two words, L263 if there are a few sentences only.
    """
    check_count("width", width, 1)
    tokenizer, model = load_transformer(name)
    pieces = read_vocabulary(tokenizer) if use_vocabulary else {}
    add_words(pieces, tokenizer, words)
    n_words = sum(not word.startswith(CONTINUED) for word in pieces)
    if n_words < 2:
        raise ValueError(Errors.L260.format(n=n_words, name=name))
    E = encode_alone(tokenizer, model, list(pieces.values()))
    vectors = reduce_vectors(list(pieces), E, width, smoothing, whitening)
    parameters = {"width": int(vectors.shape[1]), "typical_length": TYPICAL_LENGTH}
    parameters.update(smoothing=smoothing, whitening=whitening)
    meta = {"source": name, "parameters": parameters, **(meta or {})}
    if sentences is not None:
        imitation = teach(list(pieces), vectors, tokenizer, model, sentences)
        vectors, meta["imitation"] = imitation.vectors, imitation.describe()
    return StaticTable.from_arrays(list(pieces), vectors, name=table_name, meta=meta)


def read_vocabulary(tokenizer: Any) -> Dict[str, List[int]]:
    """RETURNS (Dict[str, List[int]]): The id of each word and "##piece" of a
    tokenizer, in lower case, in the order of its vocabulary.
    """
    vocab = tokenizer.get_vocab()
    tokens = sorted(vocab, key=vocab.__getitem__)
    begin = max(BEGINS, key=lambda mark: sum(t.startswith(mark) for t in tokens))
    marks_begin = not any(token.startswith(CONTINUED) for token in tokens)
    special = set(tokenizer.all_special_tokens)
    found: Dict[str, List[int]] = {}
    for token in tokens:
        if token in special or SPECIAL.fullmatch(token):
            continue
        word = token
        if marks_begin:
            # Byte-level pieces aren't readable as they are.
            text = tokenizer.convert_tokens_to_string([token]).strip()
            word = text if token.startswith(begin) else CONTINUED + text
        word = word if word in vocab else word.lower()
        # The separators of our file, and what is nothing without its mark.
        if word and word != CONTINUED and not re.search(r"[\n\r\ufffd]", word):
            found.setdefault(word, [vocab[token]])
    return found


def add_words(
    pieces: Dict[str, List[int]], tokenizer: Any, words: Iterable[str]
) -> None:
    """Add the word pieces of further words, if the tokenizer knows any of them."""
    unknown = {tokenizer.unk_token_id}
    for word in words:
        word = word.lower()
        if word in pieces or word.startswith(CONTINUED) or not word.strip():
            continue
        ids = tokenizer.encode(word, add_special_tokens=False)[:16]
        if set(ids) - unknown and "\n" not in word:
            pieces[word] = ids


def encode_alone(tokenizer: Any, model: Any, pieces: List[List[int]]) -> numpy.ndarray:
    """Run words, lists of ids, through a transformer, each by itself.

    The input is the ids of the word between what the tokenizer puts around a text,
    so that a piece stays what it is: its text would be split or read as a whole
    word. The vector is the mean of the word's own last hidden states.

    RETURNS (ndarray): Array of shape (words, model width).
    """
    import torch

    before, after = get_frame(tokenizer)
    vectors = numpy.zeros((len(pieces), model.config.hidden_size), dtype="float32")
    lengths = numpy.asarray([len(ids) for ids in pieces])
    progress = tqdm(total=len(pieces), unit=" words", delay=3, disable=None)
    with torch.inference_mode(), progress:
        for length in numpy.unique(lengths):
            rows = numpy.flatnonzero(lengths == length)
            for start in range(0, len(rows), BATCH_SIZE):
                batch = rows[start : start + BATCH_SIZE]
                ids = [[*before, *pieces[row], *after] for row in batch]
                states = model(input_ids=torch.tensor(ids)).last_hidden_state
                own = states[:, len(before) : len(before) + length]
                vectors[batch] = own.mean(dim=1).numpy()
                progress.update(len(batch))
    return vectors


def get_frame(tokenizer: Any) -> Tuple[List[int], List[int]]:
    """RETURNS (Tuple[List[int], List[int]]): What stands before and after a text."""
    inner = tokenizer.encode("a", add_special_tokens=False)
    whole = tokenizer.encode("a")
    start = next(i for i in range(len(whole)) if whole[i : i + len(inner)] == inner)
    return whole[:start], whole[start + len(inner) :]


def reduce_vectors(
    words: Sequence[str],
    E: numpy.ndarray,
    width: int = 256,
    smoothing: float = 1e-4,
    whitening: float = 0.5,
) -> Floats2d:
    """Reduce vectors to their principal components, weighted by frequency.

    Source: Arora et al. (2017), "A Simple but Tough-to-Beat Baseline for Sentence
    Embeddings", section 3, a / (a + p(w)), with p(w) from Zipf's law. A piece has
    the weight of the rarest word.

    words (Sequence[str]): Words and "##pieces", the most frequent first.
    E (ndarray): Array of shape (words, model width).
    width (int): Components to keep, fewer if there are fewer.
    smoothing (float): The a of the formula, above 0.0.
    whitening (float): From 0.0, components are as large as they were, to 1.0, all
        have the same variance.
    RETURNS (Floats2d): float32 array of shape (words, width).
    """
    import torch

    X = torch.from_numpy(E).double()
    X = X / X.norm(dim=1, keepdim=True)
    is_whole = torch.tensor([not word.startswith(CONTINUED) for word in words])
    X = X - X[is_whole].mean(0)
    values, axes = torch.linalg.eigh(X[is_whole].T @ X[is_whole])
    width = min(width, int((values > values[-1] * 1e-9).sum()))
    values, axes = values.flip(0)[:width], axes.flip(1)[:, :width]
    # An eigenvector and its negative are equally good: take the one whose largest
    # entry is positive, or the result depends on the LAPACK at hand.
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    X = (X @ (axes * largest.sign())) / (values / values[0]) ** (whitening / 2)
    p = 1 / (is_whole.cumsum(0).double() + 1)
    p = p / p[is_whole].sum()
    # A piece that is frequent by itself is looked up for words that are rare.
    p[~is_whole] = p.min()
    X = X * (smoothing / (smoothing + p))[:, None]
    X = X * (TYPICAL_LENGTH / X.norm(dim=1).median())
    return X.float().numpy()
