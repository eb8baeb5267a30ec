"""What the second stage brings and costs: the pair of longtail_textcat and
zero_shot_fallback beside the first stage alone and beside no pooling at all.

    python benchmarks/fallback.py --data DIR [--split dev] [--parts table new ...]

table: one trained first stage per config, second stages in turn. new: 20 labels left
out of the training and added by name alone. oos: documents that fit nothing. speed:
documents per second. passes: against one pass of a cross-encoder per document and
label. The cascade needs the extra "embeddings"; --static leaves it out.
"""

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy
from common import (
    CONFIG,
    PIPE,
    ROOT,
    format_header,
    format_row,
    get_parser,
    print_setting,
    read_examples,
    train,
)
from spacy.language import Language
from spacy.util import load_config

NAME = "zero_shot_fallback"
CASCADE = ROOT / "configs" / "cascade.cfg"
PROTOTYPES = {"@misc": "spacy-longtail.PrototypeRanker.v1"}
EMBEDDING = load_config(CASCADE)["components"][NAME]["ranker"]
ENCODER = EMBEDDING["path"]
# Leaves the first stage's own distribution as it is.
OFF: Dict[str, Any] = {
    "ranker": {"@misc": "spacy-longtail.NoOpRanker.v1"},
    "mixture_weight": 1.0,
}
SECOND_STAGES: Dict[str, Dict[str, Any]] = {
    "fallback off": OFF,
    "PrototypeRanker, names only": {"ranker": {**PROTOTYPES, "names_only": True}},
    "PrototypeRanker": {"ranker": PROTOTYPES},
    "LexicalRanker": {"ranker": {"@misc": "spacy-longtail.LexicalRanker.v1"}},
    "EmbeddingRanker, names only": {"ranker": {**EMBEDDING, "names_only": True}},
    "EmbeddingRanker": {"ranker": EMBEDDING},
}
PARTS = ["table", "descriptions", "new", "oos", "speed", "passes"]
N_REMOVED = 20
N_PASSES = 40
ROUNDS = 3


def read_records(path: Path) -> List[Dict[str, str]]:
    with path.open(encoding="utf8") as lines:
        return [json.loads(line) for line in lines]


def write_records(path: Path, records: Iterable[Dict[str, str]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf8")


def swap(nlp: Language, data: Path, changes: Dict[str, Any]) -> Any:
    """Put another second stage after the same trained first stage."""
    settings = dict(nlp.get_pipe_config(NAME))
    settings.pop("factory")
    if "ranker" in changes:
        settings["gate"] = None
    settings.update(changes)
    nlp.remove_pipe(NAME)
    pipe = nlp.add_pipe(NAME, config=settings)
    examples = read_examples(nlp, data / "train.jsonl")
    pipe.initialize(lambda: examples, nlp=nlp)
    return pipe


def route(nlp: Language, texts: List[str]) -> Dict[str, float]:
    """What the second stage counts over these texts."""
    pipe = nlp.get_pipe(NAME)
    pipe.usage = type(pipe.usage)()
    list(nlp.pipe(texts))
    return pipe.stats


def run_table(args: Any) -> None:
    data = args.data / args.name
    print(f"\n{args.name}, {args.split} file\n")
    print(format_header("first stage, second stage", "fixed", "broken", "routed"))
    flat, _ = train(data, {f"{PIPE}.min_count": 0, "system.seed": args.seed})
    flat.remove_pipe(NAME)
    examples = read_examples(flat, data / f"{args.split}.jsonl")
    scores = flat.evaluate(examples)
    print(format_row("no pooling, none", scores, "–", "–", "–"), flush=True)
    for config in (CONFIG, CASCADE):
        # Which second stage is trained with it makes no difference to the first.
        ranker = {f"components.{NAME}.ranker": PROTOTYPES}
        nlp, _ = train(data, {**ranker, "system.seed": args.seed}, config=config)
        weight = {"mixture_weight": nlp.get_pipe(NAME).settings.mixture_weight}
        for title, changes in SECOND_STAGES.items():
            if args.static and "Embedding" in title:
                continue
            pipe = swap(nlp, data, {**weight, **changes})
            scores = nlp.evaluate(examples)
            cells = [
                f"{scores[key] or 0.0:.4f}"
                for key in ("longtail_refined_fixed", "longtail_refined_broken")
            ]
            share = f"{pipe.stats['routed_share']:.1%}"
            row = f"{config.stem}, {title}"
            print(format_row(row, scores, *cells, share), flush=True)
        print_traffic(nlp, data, args)


def print_traffic(nlp: Language, data: Path, args: Any) -> None:
    """The routed share depends on which documents come."""
    swap(nlp, data, OFF)
    records = read_records(data / f"{args.split}.jsonl")
    taxonomy = nlp.get_pipe("longtail_textcat").taxonomy
    counts = dict(zip(taxonomy.leaves, taxonomy.counts))
    weights = [counts.get(record["label"], 0) for record in records]
    drawn = random.Random(args.seed).choices(records, weights=weights, k=len(records))
    for title, found in (("balanced", records), ("training-like", drawn)):
        stats = route(nlp, [record["text"] for record in found])
        print(
            f"{title} traffic: {stats['routed_share']:.1%} routed, "
            f"{stats['candidates_per_routed_doc']:.1f} candidates each"
        )


def run_descriptions(args: Any) -> None:
    """naics2012 with the descriptions that its authors give."""
    data = args.data / "naics2012"
    codes = json.loads((data / "codes_and_descriptions.json").read_text("utf8"))
    known = {record["label"] for record in read_records(data / "train.jsonl")}
    records = [
        {"label": label, "description": " ".join(codes[label]["description"])}
        for label in sorted(known & codes.keys())
    ]
    print(f"\nnaics2012 with descriptions, {args.split} file\n")
    print(format_header("second stage", "fixed", "broken"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "descriptions.jsonl"
        write_records(path, [r for r in records if r["description"].strip()])
        overrides = {"paths.descriptions": str(path), "system.seed": args.seed}
        nlp, _ = train(data, overrides)
    examples = read_examples(nlp, data / f"{args.split}.jsonl")
    scores = nlp.evaluate(examples)
    cells = [
        f"{scores[f'longtail_refined_{key}'] or 0.0:.4f}" for key in ("fixed", "broken")
    ]
    print(format_row("PrototypeRanker", scores, *cells), flush=True)
    nlp.remove_pipe(NAME)
    print(format_row("none", nlp.evaluate(examples), "–", "–"), flush=True)


def get_macro_f(
    gold: List[str], found: List[Optional[str]], labels: List[str]
) -> float:
    values = []
    for label in labels:
        right = sum(g == f == label for g, f in zip(gold, found))
        values.append(2 * right / max(gold.count(label) + found.count(label), 1))
    return sum(values) / len(values)


def run_new(args: Any) -> None:
    """Leave labels out of the training, and add them by name alone."""
    data = args.data / args.name
    records = {
        name: read_records(data / f"{name}.jsonl")
        for name in ("train", "dev", args.split)
    }
    labels = sorted({record["label"] for record in records["train"]})
    removed = sorted(random.Random(args.seed).sample(labels, N_REMOVED))
    rest = [label for label in labels if label not in removed]
    texts = [record["text"] for record in records[args.split]]
    gold = [record["label"] for record in records[args.split]]
    print(f"\n{args.name} without {N_REMOVED} labels, all of the {args.split} file\n")
    print("| pipeline | the new labels | the others | the others before | routed |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("train", "dev"):
            left = [r for r in records[name] if r["label"] not in removed]
            write_records(Path(folder) / f"{name}.jsonl", left)
        for config in get_configs(args):
            nlp, _ = train(Path(folder), {"system.seed": args.seed}, config=config)
            pipe = nlp.get_pipe(NAME)
            before = [doc._.longtail.label for doc in nlp.pipe(texts)]
            for label in removed:
                pipe.add_label(label)
            pipe.usage = type(pipe.usage)()
            found = [doc._.longtail.label for doc in nlp.pipe(texts)]
            cells = [
                f"{get_macro_f(gold, found, removed):.3f}",
                f"{get_macro_f(gold, found, rest):.3f}",
                f"{get_macro_f(gold, before, rest):.3f}",
                f"{pipe.stats['routed_share']:.1%}",
            ]
            print(f"| {config.stem} | {' | '.join(cells)} |", flush=True)


def run_oos(args: Any) -> None:
    """Tell documents of known labels from documents that fit none, by `known`."""
    data = args.data / "clinc150"
    texts = [
        [record["text"] for record in read_records(data / f"{name}.jsonl")]
        for name in (args.split, f"oos_{args.split}")
    ]
    nlp, _ = train(data, {"system.seed": args.seed})
    print(f"\nclinc150, out-of-scope {args.split} file\n")
    print("| `known` from | area under the curve | recall with 95 % in scope kept |")
    print("|---|---|---|")
    rows = {"static vectors": OFF}
    if not args.static:
        rows["MiniLM vectors (route_below = 1.01)"] = {
            "ranker": EMBEDDING,
            "route_below": 1.01,
        }
    for title, changes in rows.items():
        swap(nlp, data, changes)
        inside, outside = (
            numpy.asarray([doc._.longtail.known for doc in nlp.pipe(part)])
            for part in texts
        )
        area = float((inside[:, None] > outside).mean())
        area += 0.5 * float((inside[:, None] == outside).mean())
        recall = float((outside < numpy.quantile(inside, 0.05)).mean())
        print(f"| {title} | {area:.3f} | {recall:.3f} |", flush=True)


def get_rate(nlp: Language, texts: List[str]) -> float:
    start = time.perf_counter()
    for _ in nlp.pipe(texts):
        pass
    return len(texts) / (time.perf_counter() - start)


def run_speed(args: Any) -> None:
    """Both in turn, several rounds; the best round counts."""
    data = args.data / args.name
    texts = [record["text"] for record in read_records(data / f"{args.split}.jsonl")]
    print("\n| pipeline | documents/s, first stage | both stages | share |")
    print("|---|---|---|---|")
    for config in get_configs(args):
        nlp, _ = train(data, {"system.seed": args.seed}, config=config)
        nlp("warm up")
        alone = both = 0.0
        for _ in range(ROUNDS):
            with nlp.select_pipes(disable=[NAME]):
                alone = max(alone, get_rate(nlp, texts))
            both = max(both, get_rate(nlp, texts))
        row = f"{alone:,.0f} | {both:,.0f} | {both / alone:.0%}"
        print(f"| {config.stem} | {row} |", flush=True)


def run_passes(args: Any) -> None:
    """What a zero-shot pipeline does: one pass for each document and label, through a
    cross-encoder of the same size. Its weights make no difference to the time.
    """
    data = args.data / args.name
    nlp, _ = train(data, {"system.seed": args.seed}, config=CASCADE)
    pipe = nlp.get_pipe(NAME)
    records = read_records(data / f"{args.split}.jsonl")
    texts = [r["text"] for r in random.Random(args.seed).sample(records, N_PASSES)]
    labels = nlp.get_pipe("longtail_textcat").labels
    nlp("warm up")
    pipe.usage = type(pipe.usage)()
    ours = N_PASSES / get_rate(nlp, texts)
    n_ours = int(pipe.stats["routed"])
    n_pairs, theirs = time_pairs(pipe.ranker.transformer, texts, labels)
    print(f"\n{N_PASSES} documents, {len(labels)} labels, encoder {ENCODER}\n")
    print("| | forward passes | seconds |")
    print("|---|---|---|")
    print(f"| one pass per document and label | {n_pairs} | {theirs:.1f} |")
    print(f"| cascade | {n_ours} | {ours:.2f} |")
    ratio = n_pairs / max(n_ours, 1)
    print(f"| ratio | {ratio:.0f} | {theirs / ours:.0f} |", flush=True)


def time_pairs(
    transformer: Any, texts: List[str], labels: Iterable[str]
) -> Tuple[int, float]:
    torch, tokenizer, model = transformer.load()
    hypotheses = [f"This example is {label.rpartition('/')[2]}." for label in labels]
    pairs = [(text, hypothesis) for text in texts for hypothesis in hypotheses]
    start = time.perf_counter()
    for first in range(0, len(pairs), 32):
        batch = tokenizer(
            *map(list, zip(*pairs[first : first + 32])),
            padding=True,
            truncation=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            model(**batch.to(model.device))
    return len(pairs), time.perf_counter() - start


def get_configs(args: Any) -> List[Path]:
    return [CONFIG] if args.static else [CONFIG, CASCADE]


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--name", default="clinc150_lt")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--static", action="store_true", help="without torch")
    args = parser.parse_args()
    print_setting(args.seed)
    for part in args.parts:
        if part != "passes" or not args.static:
            globals()[f"run_{part}"](args)


if __name__ == "__main__":
    main()
