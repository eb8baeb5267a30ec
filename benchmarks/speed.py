"""Documents per second beside spaCy's own textcat and the empty pipeline, in one run.

    python benchmarks/speed.py --data DIR

All pipelines get the same texts in turn, several rounds; the best round counts. The
textcat is that of spaCy's quickstart for CPU ("spacy init config --pipeline textcat
--optimize efficiency"). How long it was trained makes no difference to its speed.
"""

import gc
import tempfile
import time
from pathlib import Path
from typing import Dict, List

import spacy
from common import get_parser, print_setting, read_examples, train
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.training import Example

ROUNDS = 15
TEXTCAT = "spaCy textcat, all labels"


def train_textcat(examples: List[Example]) -> Language:
    """Train spaCy's quickstart textcat for a few steps."""
    config = init_config(lang="en", pipeline=["textcat"], optimize="efficiency")
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    labels = {label for eg in examples for label in eg.reference.cats}
    # Its scorer and model want a value for every label.
    dense = [
        Example.from_dict(
            eg.predicted, {"cats": {label: 0.0 for label in labels} | eg.reference.cats}
        )
        for eg in examples
    ]
    optimizer = nlp.initialize(lambda: dense)
    for _ in range(5):
        nlp.update(dense[:128], sgd=optimizer)
    return nlp


def get_rate(nlp: Language, texts: List[str]) -> float:
    """Documents per second of one round."""
    start = time.perf_counter()
    for _ in nlp.pipe(texts):
        pass
    return len(texts) / (time.perf_counter() - start)


def get_size(nlp: Language) -> float:
    """Megabytes on disk."""
    with tempfile.TemporaryDirectory() as folder:
        nlp.to_disk(folder)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files) / 1e6


def get_load_seconds(nlp: Language) -> float:
    """Seconds to load the pipeline from disk, once it is in the disk cache."""
    with tempfile.TemporaryDirectory() as folder:
        nlp.to_disk(folder)
        spacy.load(folder)("warm up")
        start = time.perf_counter()
        spacy.load(folder)("warm up")
        return time.perf_counter() - start


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--name", default="clinc150_lt")
    args = parser.parse_args()
    print_setting(args.seed)
    data = args.data / args.name
    ours, seconds = train(data, {"system.seed": args.seed})
    pipe = ours.get_pipe("longtail_textcat")
    blank = spacy.blank("en")
    examples = read_examples(blank, data / "train.jsonl")
    texts = [eg.text for eg in read_examples(blank, data / "test.jsonl")]
    textcat = train_textcat(examples)
    rates: Dict[str, float] = {}

    def measure(name: str, nlp: Language) -> None:
        rates[name] = max(rates.get(name, 0.0), get_rate(nlp, texts))

    # The garbage collector mustn't search what this benchmark itself has piled up.
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        measure("empty pipeline", blank)
        measure(TEXTCAT, textcat)
        for top_k, which in ((None, "all labels"), (10, "cats_top_k = 10")):
            pipe.cats_top_k = top_k
            with ours.select_pipes(enable="longtail_textcat"):
                measure(f"longtail_textcat, {which}", ours)
            measure(f"with zero_shot_fallback, {which}", ours)
        pipe.cats_top_k = None
    print(f"{args.name}: {len(texts)} texts, {len(pipe.labels)} labels\n")
    print("| pipeline | documents/s | of textcat | of the empty pipeline |")
    print("|---|---|---|---|")
    for name, rate in rates.items():
        ratio = rate / rates[TEXTCAT]
        share = rate / rates["empty pipeline"]
        print(f"| {name} | {rate:,.0f} | {ratio:.2f} | {share:.0%} |")
    print(
        f"\ntrained in {seconds:.0f} s, {get_size(ours):.1f} MB on disk, "
        f"loads in {get_load_seconds(ours):.2f} s; "
        f"textcat: {get_size(textcat):.0f} MB"
    )


if __name__ == "__main__":
    main()
