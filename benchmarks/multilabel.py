"""Train configs/multilabel.cfg on each data set and compare it with a linear baseline.

    python benchmarks/multilabel.py --data DIR [--split dev] [--ablation]

Thresholds are fitted on the dev file, by the config and for the baseline by the same
function, with and without its smoothing. The baseline is scikit-learn's: TF-IDF of
words and pairs of words, and one balanced logistic regression per label. Both are also
scored without fitted thresholds. With --ablation each of the losses is trained.
"""

import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy
import srsly
from common import ROOT, get_parser, print_setting, train
from spacy.language import Language
from spacy.training import Example

from spacy_longtail.fitting.thresholds import fit_thresholds
from spacy_longtail.scoring.multilabel import longtail_multilabel_score

CONFIG = ROOT / "configs" / "multilabel.cfg"
PIPE = "longtail_textcat_multilabel"
DATA = ["goemotions", "nlupp"]
COLUMNS = {
    "macro-F1": "longtail_macro_f",
    "head": "longtail_head_f",
    "mid": "longtail_mid_f",
    "tail": "longtail_tail_f",
    "micro-F1": "longtail_micro_f",
    "AP": "longtail_macro_ap",
    "LRAP": "longtail_lrap",
    "P@1": "longtail_p_at_1",
    "nDCG@3": "longtail_ndcg_at_3",
    "PSP@1": "longtail_psp_at_1",
}
LOSSES: Dict[str, Dict[str, Any]] = {
    # The plain loss gives the same, see docs/losses.md.
    "logit-adjusted": {"@losses": "spacy-longtail.BinaryLogitAdjusted.v1", "tau": 1.0},
    "weighted": {"@losses": "spacy-longtail.WeightedBinaryCrossEntropy.v1"},
    "asymmetric": {"@losses": "spacy-longtail.Asymmetric.v1"},
    "distribution-balanced": {"@losses": "spacy-longtail.DistributionBalanced.v1"},
}


def read_pairs(path: Path) -> List[Tuple[str, List[str]]]:
    return [(record["text"], record["labels"]) for record in srsly.read_jsonl(path)]


def read_examples(nlp: Language, path: Path) -> List[Example]:
    """Read a JSONL file of "text" and "labels"."""
    return [
        Example.from_dict(nlp.make_doc(text), {"cats": dict.fromkeys(labels, 1.0)})
        for text, labels in read_pairs(path)
    ]


def format_row(name: str, scores: Dict[str, Any], *more: str) -> str:
    """Format one row of a Markdown table of COLUMNS."""
    values = [scores[key] for key in COLUMNS.values()]
    cells = ["–" if value is None else f"{value:.3f}" for value in values]
    return f"| {' | '.join([name, *cells, *more])} |"


def format_header(first: str, *more: str) -> str:
    """Format the head of the table of format_row."""
    header = f"| {' | '.join([first, *COLUMNS, *more])} |"
    return f"{header}\n|{'---|' * (header.count('|') - 1)}"


def score_pipeline(
    title: str, nlp: Language, examples: List[Example], seconds: float
) -> None:
    pipe: Any = nlp.get_pipe(PIPE)
    cost = f"{seconds:.0f}"
    print(format_row(f"{title}, fitted", nlp.evaluate(examples), cost), flush=True)
    pipe.thresholds = {}
    title = f"{title}, {pipe.cfg['threshold']}"
    print(format_row(title, nlp.evaluate(examples), cost), flush=True)


def fit_baseline(
    folder: Path, split: str
) -> Tuple[numpy.ndarray, numpy.ndarray, List[str]]:
    """RETURNS (Tuple): Probabilities of the dev file and of the split, and labels."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.preprocessing import MultiLabelBinarizer

    texts, labels = zip(*read_pairs(folder / "train.jsonl"))
    binarizer = MultiLabelBinarizer()
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    classifier = OneVsRestClassifier(model)
    classifier.fit(vectorizer.fit_transform(texts), binarizer.fit_transform(labels))
    found = []
    for name in ("dev", split):
        texts, _ = zip(*read_pairs(folder / f"{name}.jsonl"))
        found.append(classifier.predict_proba(vectorizer.transform(texts)))
    return found[0], found[1], list(binarizer.classes_)


def score_baseline(title: str, nlp: Language, folder: Path, split: str) -> None:
    start = time.perf_counter()
    dev_scores, scores, labels = fit_baseline(folder, split)
    seconds = time.perf_counter() - start
    gold = [[x in own for x in labels] for _, own in read_pairs(folder / "dev.jsonl")]
    truths = numpy.asarray(gold, dtype="f8")
    examples = read_examples(nlp, folder / f"{split}.jsonl")
    for eg, row in zip(examples, scores.tolist()):
        eg.predicted.cats = dict(zip(labels, row))
    plans = {
        "fitted, smoothed": fit_thresholds(dev_scores, truths),
        "fitted": fit_thresholds(dev_scores, truths, smoothing=0.0),
        "0.5": numpy.full(len(labels), 0.5),
    }
    pipe: Any = nlp.get_pipe(PIPE)
    for name, values in plans.items():
        thresholds = dict(zip(labels, values.tolist()))
        found = longtail_multilabel_score(
            examples, taxonomy=pipe.taxonomy, thresholds=thresholds
        )
        print(format_row(f"{title}, {name}", found, f"{seconds:.0f}"), flush=True)


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--names", nargs="*", default=DATA)
    parser.add_argument("--ablation", action="store_true")
    args = parser.parse_args()
    print_setting(args.seed)
    print(f"{CONFIG.name}, {args.split} files\n")
    print(format_header("data, system, thresholds", "seconds"))
    for name in args.names:
        folder = args.data / name
        systems: Dict[str, Dict[str, Any]] = {CONFIG.name: {}}
        if args.ablation:
            key = f"components.{PIPE}.loss"
            systems = {loss: {key: block} for loss, block in LOSSES.items()}
        for system, overrides in systems.items():
            overrides = {**overrides, "system.seed": args.seed}
            nlp, seconds = train(folder, overrides, config=CONFIG, read=read_examples)
            examples = read_examples(nlp, folder / f"{args.split}.jsonl")
            score_pipeline(f"{name}, {system}", nlp, examples, seconds)
        score_baseline(f"{name}, TF-IDF + LR", nlp, folder, args.split)


if __name__ == "__main__":
    main()
