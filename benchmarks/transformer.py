"""Train configs/accuracy.cfg, frozen and fine-tuned, and score the test files.

python benchmarks/transformer.py --data DIR [--encoder NAME] [--split dev]
"""

import multiprocessing
import resource
from argparse import Namespace
from pathlib import Path

from common import (
    CONFIG,
    PIPE,
    format_header,
    format_row,
    get_parser,
    print_setting,
    read_examples,
    train,
)

ACCURACY = CONFIG.with_name("accuracy.cfg")
DATA = ["clinc150_lt", "naics2012", "clinc150", "msha"]
# Passes over the training data, and how many layers learn.
MODES = {"frozen": (30, 0), "fine-tuned": (6, None)}
BATCH_SIZE = 32


def run(args: Namespace, name: str, mode: str) -> None:
    """Train and print one row for each prior."""
    data: Path = args.data / name
    with (data / "train.jsonl").open(encoding="utf8") as lines:
        n_docs = sum(1 for _ in lines)
    epochs, layers = MODES[mode]
    size = BATCH_SIZE * (4 if mode == "frozen" else 1)
    steps = epochs * n_docs // size
    overrides = {
        "system.seed": args.seed,
        "paths.encoder": args.encoder,
        f"{PIPE}.model.encoder.trainable_layers": layers,
        "training.batcher.size": size,
        "training.max_steps": steps,
        "training.eval_frequency": -(-steps // 2),
        "training.optimizer.learn_rate.warmup_steps": steps // 10,
    }
    nlp, seconds = train(data, overrides, config=ACCURACY)
    examples = read_examples(nlp, data / f"{args.split}.jsonl")
    # In KiB on Linux.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    cost = f"{seconds:.0f}", f"{memory:.1f}"
    for prior in ("uniform", "train"):
        nlp.get_pipe("longtail_textcat").prior = prior
        title = f"{name}, {mode}, {prior}"
        print(format_row(title, nlp.evaluate(examples), *cost), flush=True)


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--names", nargs="*", default=DATA)
    parser.add_argument("--modes", nargs="*", default=list(MODES))
    parser.add_argument(
        "--encoder", default="sentence-transformers/all-MiniLM-L6-v2", help="Or folder"
    )
    args = parser.parse_args()
    print_setting(args.seed)
    print(f"{ACCURACY.name}, {args.encoder}, {args.split} files\n")
    print(format_header("data, encoder, prior", "seconds", "GiB"), flush=True)
    # A process for each, so that the peak of its memory is its own.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for name in args.names:
            for mode in args.modes:
                pool.apply(run, (args, name, mode))


if __name__ == "__main__":
    main()
