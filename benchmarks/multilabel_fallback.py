"""Score zero_shot_fallback where a document can have several labels.

    python benchmarks/multilabel_fallback.py --data DIR [--split dev]

Trains configs/multilabel.cfg on a data set with more and more of its labels pooled, and
scores it without a fallback, with it, and with its mixture fitted on dev. Then leaves
every sixth label out of the training and adds it by name, or with five documents.
Thresholds are fitted on dev, to the final probabilities; added labels have 0.25.
"""

import tempfile
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

import srsly
from common import MULTILABEL_CONFIG as CONFIG
from common import MULTILABEL_PIPE as PIPE
from common import get_parser, print_setting, read_multilabel, read_pairs, train
from spacy.language import Language

KEYS = ("macro_f", "micro_f", "macro_ap", "refined_fixed", "refined_broken")
MIN_DOCS = 10
N_EXAMPLES = 5


def add_fallback(nlp: Language, folder: Path) -> Any:
    fallback: Any = nlp.add_pipe("zero_shot_fallback", config={"source": PIPE})
    fallback.initialize(lambda: read_multilabel(nlp, folder / "train.jsonl"), nlp=nlp)
    return fallback


def train_alone(folder: Path, overrides: Dict[str, Any]) -> Language:
    """Train without the fallback of the config, which is added where it is wanted."""
    nlp, _ = train(folder, overrides, config=CONFIG, read=read_multilabel)
    nlp.remove_pipe("zero_shot_fallback")
    fit_thresholds(nlp, folder / "dev.jsonl")
    return nlp


def fit_thresholds(nlp: Language, path: Path) -> None:
    examples = read_multilabel(nlp, path)
    for eg, doc in zip(examples, nlp.pipe(eg.reference.text for eg in examples)):
        eg.predicted = doc
    pipe: Any = nlp.get_pipe(PIPE)
    pipe.fit_thresholds(examples)


def get_macro_f(scores: Dict[str, Any], labels: Iterable[str]) -> float:
    """RETURNS (float): Mean F1 of those of the labels that are in the gold data."""
    found = scores["longtail_f_per_label"]
    values = [found[x]["f"] for x in labels if x in found and found[x]["support"]]
    return sum(values) / max(len(values), 1)


def print_row(title: str, nlp: Language, path: Path, *more: str) -> None:
    scores = nlp.evaluate(read_multilabel(nlp, path))
    pipe: Any = nlp.get_pipe(PIPE)
    pooled = pipe.taxonomy.pooled
    values = [scores[f"longtail_{key}"] for key in KEYS]
    values.insert(1, get_macro_f(scores, pooled) if pooled else None)
    cells = ["–" if value is None else f"{value:.3f}" for value in values]
    print(f"| {title} | {' | '.join([*cells, *more])} |", flush=True)


def run_pooling(folder: Path, split: str, seed: int, min_counts: List[int]) -> None:
    header = (
        "| min_count | macro-F1 | pooled | micro-F1 | AP | fixed | broken | routed |"
    )
    print(f"{header}\n|{'---|' * (header.count('|') - 1)}")
    dev, path = folder / "dev.jsonl", folder / f"{split}.jsonl"
    for min_count in min_counts:
        overrides = {"system.seed": seed, f"components.{PIPE}.min_count": min_count}
        nlp = train_alone(folder, overrides)
        print_row(f"{min_count}, fallback off", nlp, path, "–")
        if not nlp.get_pipe(PIPE).taxonomy.others:  # type: ignore[attr-defined]
            continue
        fallback = add_fallback(nlp, folder)
        fit_thresholds(nlp, dev)
        routed = f"{fallback.stats['routed_share']:.1%}"
        print_row(f"{min_count}, with it", nlp, path, routed)
        fallback.fit_mixture(read_multilabel(nlp, dev))
        fit_thresholds(nlp, dev)
        weight = fallback.settings.mixture_weight
        print_row(f"{min_count}, mixture_weight = {weight}", nlp, path, routed)


def leave_out(folder: Path, target: Path) -> Tuple[List[str], Dict[str, List[str]]]:
    """Write the corpus without every sixth of the labels with enough documents.

    RETURNS (Tuple[List[str], Dict[str, List[str]]]): The labels left out, and the
        first training documents of each.
    """
    texts: Dict[str, List[str]] = {}
    for text, labels in read_pairs(folder / "train.jsonl"):
        for label in labels:
            texts.setdefault(label, []).append(text)
    usable = [label for label in sorted(texts) if len(texts[label]) >= MIN_DOCS]
    left_out = usable[::6]
    for name in ("train", "dev"):
        kept = [
            {"text": text, "labels": [x for x in labels if x not in left_out]}
            for text, labels in read_pairs(folder / f"{name}.jsonl")
        ]
        kept = [record for record in kept if record["labels"]]
        srsly.write_jsonl(target / f"{name}.jsonl", kept)
    return left_out, {label: texts[label][:N_EXAMPLES] for label in left_out}


def run_new(folder: Path, split: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        left_out, texts = leave_out(folder, Path(name))
        overrides = {"system.seed": seed}
        nlp = train_alone(Path(name), overrides)
        fallback = add_fallback(nlp, Path(name))
    n_all = len(nlp.get_pipe(PIPE).labels) + len(left_out)  # type: ignore[attr-defined]
    print(f"\n{len(left_out)} of {n_all} labels left out of the training: macro-F1\n")
    print("| | of these | of the others |\n|---|---|---|")
    for title in ("by name", f"with {N_EXAMPLES} documents each"):
        for label in left_out:
            examples = [] if title == "by name" else texts[label]
            fallback.add_label(label, examples=examples)
        scores = nlp.evaluate(read_multilabel(nlp, folder / f"{split}.jsonl"))
        others = set(nlp.get_pipe(PIPE).labels)  # type: ignore[attr-defined]
        new, old = get_macro_f(scores, left_out), get_macro_f(scores, others)
        print(f"| {title} | {new:.3f} | {old:.3f} |", flush=True)
        for label in left_out:
            fallback.remove_label(label)


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--name", default="nlupp")
    parser.add_argument("--min-counts", nargs="*", type=int, default=[0, 20, 40])
    args = parser.parse_args()
    print_setting(args.seed)
    print(f"{CONFIG.name}, {args.name}, {args.split} file\n")
    folder = args.data / args.name
    run_pooling(folder, args.split, args.seed, args.min_counts)
    run_new(folder, args.split, args.seed)


if __name__ == "__main__":
    main()
