"""What a choice costs in another language: the tokenizer, vectors, titles of codes.

    python benchmarks/languages.py --data DIR [--vectors PIPELINE …] [--split test]

On French job titles, and on the same ones written in 501 syllables without spaces: two
letters are one character of Chinese, so that nothing but how it's written changes.
"""

import json
import re
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import spacy
from common import (
    PIPE,
    format_header,
    format_row,
    get_parser,
    print_setting,
    read_examples,
    train,
)
from systems.linear import make_features, make_model

from spacy_longtail.scoring.exclusive import longtail_score
from spacy_longtail.taxonomy import Taxonomy

NAME, SPLITS = "fr_rome", ("train", "dev", "test")
ENCODER = f"{PIPE}.model.encoder"
PARTS = re.compile(r"[^\W\d_]{1,2}|\d+|[^\w\s]")


def write_syllables(source: Path, target: Path) -> None:
    """Write each two letters as one character, and no spaces."""
    numbers = count(0x4E00)
    known: Dict[str, str] = {}
    for split in SPLITS:
        with (target / f"{split}.jsonl").open("w", encoding="utf8") as output:
            for line in (source / f"{split}.jsonl").open(encoding="utf8"):
                record = json.loads(line)
                parts = [
                    known.setdefault(part, chr(next(numbers)))
                    if part.isalpha() and part not in known
                    else known.get(part, part)
                    for part in PARTS.findall(record["text"].lower())
                ]
                row = {**record, "text": "".join(parts)}
                output.write(json.dumps(row, ensure_ascii=False) + "\n")


def list_systems(args: Any, plain: Path) -> Iterator[Tuple[str, Dict[str, Any]]]:
    """YIELDS (Tuple[str, Dict[str, Any]]): What is tried on the French texts."""
    usual = {"nlp.lang": "fr", f"{ENCODER}.ngram_width": 512}
    usual[f"{ENCODER}.word_weight"] = 0.7
    yield "no n-grams", {"nlp.lang": "fr"}
    yield "n-grams", usual
    yield "n-grams, language xx", {**usual, "nlp.lang": "xx"}
    titles = str(plain / "descriptions.jsonl")
    yield "n-grams, titles of the codes", {**usual, "paths.descriptions": titles}
    for path in args.vectors:
        vectors = {"@misc": "spacy-longtail.PipelineVectors.v1", "path": path}
        name = f"n-grams, vectors of {Path(path).name}"
        yield name, {**usual, f"{ENCODER}.vectors": vectors}


def score_svc(folder: Path, split: str, taxonomy: Taxonomy, seed: int) -> str:
    """RETURNS (str): The row of a balanced LinearSVC on words and characters."""
    start = time.perf_counter()
    features, model = make_features(True, False), make_model("svc", True, False, seed)
    training = read_examples(spacy.blank("xx"), folder / "train.jsonl")
    gold = [next(iter(eg.reference.cats)) for eg in training]
    model.fit(features.fit_transform([eg.text for eg in training]), gold)
    seconds = time.perf_counter() - start
    examples = read_examples(spacy.blank("xx"), folder / f"{split}.jsonl")
    found = model.predict(features.transform([eg.text for eg in examples]))
    for eg, label in zip(examples, found):
        eg.predicted.cats = {label: 1.0}
    scores = longtail_score(examples, taxonomy=taxonomy, labels=taxonomy.leaves)
    return format_row(f"{folder.name}, LinearSVC", scores, f"{seconds:.0f}")


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--vectors", nargs="*", default=[])
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    args = parser.parse_args()
    print_setting(args.seed)
    print(format_header("texts, system", "seconds"))

    def run(folder: Path, title: str, overrides: Dict[str, Any]) -> Any:
        nlp, seconds = train(folder, {**overrides, "system.seed": args.seed})
        scores = nlp.evaluate(read_examples(nlp, folder / f"{args.split}.jsonl"))
        print(
            format_row(f"{folder.name}, {title}", scores, f"{seconds:.0f}"), flush=True
        )
        return nlp.get_pipe("longtail_textcat").taxonomy

    plain = args.data / NAME
    for title, overrides in list_systems(args, plain):
        taxonomy = run(plain, title, overrides)
    print(score_svc(plain, args.split, taxonomy, args.seed), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "syllables"
        folder.mkdir()
        write_syllables(plain, folder)
        for lang in ("xx", "zh"):
            settings = {"ngram_width": 512, "word_weight": 0.5}
            overrides = {f"{ENCODER}.{key}": value for key, value in settings.items()}
            run(folder, f"language {lang}", {**overrides, "nlp.lang": lang})
        print(score_svc(folder, args.split, taxonomy, args.seed), flush=True)


if __name__ == "__main__":
    main()
