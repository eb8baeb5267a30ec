"""Train a transformer on each data set, frozen and fine-tuned, and score it.

    python benchmarks/transformer.py --data DIR [--encoder NAME] [--gpu-id 0]

The configs are accuracy.cfg and, for documents with several labels, whose thresholds
are fitted on the dev file, multilabel_accuracy.cfg. Settings that were chosen on dev
files for a data set are in SETTINGS. Other ones can be tried with --split dev and --set
KEY=VALUE, as often as wished.
"""

import json
import multiprocessing
import resource
from argparse import Namespace
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import multilabel
from common import (
    CONFIG,
    PIPE,
    ReadT,
    format_header,
    format_row,
    get_parser,
    print_setting,
    read_examples,
    train,
)
from spacy.language import Language
from spacy.training import Example

FROZEN, TUNED = "frozen", "fine-tuned"
EXCLUSIVE = ["clinc150_lt", "naics2012", "clinc150", "msha"]
MULTILABEL = ["goemotions", "nlupp"]
MODES = [FROZEN, TUNED]
LEARN_RATE = "training.optimizer.learn_rate.initial_rate"
# Documents in a batch, and passes over the training data.
BATCH_SIZE, PASSES = "training.batcher.size", 6
SETTINGS: Dict[str, Dict[str, Any]] = {
    "clinc150_lt, fine-tuned": {"passes": 12},
    "msha, fine-tuned": {"passes": 5},
    "goemotions, fine-tuned": {"passes": 4, BATCH_SIZE: 64, LEARN_RATE: 2e-4},
}


class Kind(NamedTuple):
    """What training on a kind of data needs, and which rows it gives."""

    config: Path
    pipe: str
    read: ReadT
    header: str


KINDS = {
    False: Kind(
        CONFIG.with_name("accuracy.cfg"),
        PIPE.split(".")[1],
        read_examples,
        format_header("data, encoder, prior", "seconds", "GiB", "GPU GiB"),
    ),
    True: Kind(
        CONFIG.with_name("multilabel_accuracy.cfg"),
        multilabel.PIPE,
        multilabel.read_examples,
        multilabel.format_header("data, encoder", "seconds", "GiB", "GPU GiB"),
    ),
}


def get_overrides(args: Namespace, name: str, mode: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The settings for a data set, without its paths."""
    kind = KINDS[name in MULTILABEL]
    model = f"components.{kind.pipe}.model"
    overrides: Dict[str, Any] = {
        "system.seed": args.seed,
        "paths.encoder": args.encoder,
        BATCH_SIZE: 32,
        "passes": PASSES,
    }
    if mode == FROZEN:
        overrides[f"{model}.encoder.trainable_layers"] = 0
        overrides[f"{model}.output.learn_rate"] = 200.0
    overrides.update(SETTINGS.get(f"{name}, {mode}", {}))
    for pair in args.set:
        key, value = pair.split("=", 1)
        overrides[key] = json.loads(value)
    with (args.data / name / "train.jsonl").open(encoding="utf8") as lines:
        n_docs = sum(1 for _ in lines)
    steps = round(overrides.pop("passes") * n_docs / overrides[BATCH_SIZE])
    overrides["training.max_steps"] = steps
    overrides["training.optimizer.learn_rate.total_steps"] = steps
    overrides["training.eval_frequency"] = -(-steps // 2)
    overrides["training.optimizer.learn_rate.warmup_steps"] = steps // 10
    return overrides


def run(args: Namespace, name: str, mode: str) -> None:
    """Train and print the rows of each file."""
    if args.gpu_id >= 0:
        from thinc.api import require_gpu

        require_gpu(args.gpu_id)
    kind = KINDS[name in MULTILABEL]
    overrides = get_overrides(args, name, mode)
    folder = args.data / name
    nlp, seconds = train(folder, overrides, config=kind.config, read=kind.read)
    cost = [f"{seconds:.0f}", *get_peaks(args.gpu_id)]
    for split in args.split:
        title = f"{name}, {mode}" + (f", {split}" if len(args.split) > 1 else "")
        print_rows(title, nlp, kind.read(nlp, folder / f"{split}.jsonl"), cost)


def print_rows(
    title: str, nlp: Language, examples: List[Example], cost: List[str]
) -> None:
    if multilabel.PIPE in nlp.pipe_names:
        print(multilabel.format_row(title, nlp.evaluate(examples), *cost), flush=True)
        return
    pipe: Any = nlp.get_pipe(PIPE.split(".")[1])
    for prior in ("uniform", 0.5, "train"):
        pipe.prior = prior
        row = format_row(f"{title}, {prior}", nlp.evaluate(examples), *cost)
        print(row, flush=True)


def get_peaks(gpu_id: int) -> List[str]:
    """RETURNS (List[str]): Most memory of this process, and most on the GPU, in GiB."""
    # In KiB on Linux.
    peaks = [f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:.1f}"]
    if gpu_id < 0:
        return [*peaks, "–"]
    import torch

    return [*peaks, f"{torch.cuda.max_memory_reserved() / 1024**3:.1f}"]


def print_device(gpu_id: int) -> None:
    if gpu_id >= 0:
        import torch

        print(torch.cuda.get_device_name(gpu_id), f"torch {torch.__version__}")


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--split", nargs="+", choices=["dev", "test"], default=["test"])
    parser.add_argument("--names", nargs="*", default=[*EXCLUSIVE, *MULTILABEL])
    parser.add_argument("--modes", nargs="*", default=MODES)
    parser.add_argument("--gpu-id", type=int, default=-1, help="-1 for the CPU")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="Values in JSON"
    )
    parser.add_argument(
        "--encoder", default="sentence-transformers/all-MiniLM-L6-v2", help="Or folder"
    )
    args = parser.parse_args()
    print_setting(args.seed)
    print_device(args.gpu_id)
    print(f"{args.encoder}, {' and '.join(args.split)} files")
    # A process for each, so that the peak of its memory is its own.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for is_multilabel, kind in KINDS.items():
            names = [n for n in args.names if (n in MULTILABEL) == is_multilabel]
            if names:
                print(f"\n{kind.config.name}\n\n{kind.header}", flush=True)
            for name in names:
                for mode in args.modes:
                    pool.apply(run, (args, name, mode))


if __name__ == "__main__":
    main()
