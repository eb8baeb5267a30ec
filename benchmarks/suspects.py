"""How many of the labels that were changed by chance `spacy longtail audit` finds.

    python benchmarks/suspects.py --data DIR [--names NAME …] [--peers] [--trained]

3 % of the labels become any other one, with a seed; of corpora with several labels a
text, 3 % are taken away and as many are added. Where the library cleanlab is installed,
its scores rank the same texts by the same probabilities, with --peers by those of a
logistic regression of TF-IDF, too, and with --trained by those of pipelines trained on
each fold, which takes minutes. The result is written to results/suspects/NAME.json, and
tables.py makes docs/commands/audit.md of it.
"""

import json
import os
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import numpy
import spacy
from common import get_parser, print_setting
from harness.pages import write_json
from harness.worker import describe_machine
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from spacy.util import load_config_from_str, load_model_from_path

from spacy_longtail.audit import audit_corpus
from spacy_longtail.audit.advice import choose_word_weight
from spacy_longtail.audit.contents import read_contents
from spacy_longtail.audit.crossfit import CrossFit
from spacy_longtail.audit.crossvalidate import gather_gold
from spacy_longtail.init_config import init_config
from spacy_longtail.ops import softmax
from spacy_longtail.pipeline.names import get_name_texts
from spacy_longtail.tables.columns import Columns

OUT = Path(__file__).resolve().parent / "results" / "suspects"
SHARE, N_FOLDS, FIRST = 0.03, 5, 100
NAMES = ["clinc150_lt", "naics2012", "en_tram", "fr_rome"]
NAMES += ["naics2012_multi", "nlupp", "goemotions"]
# A text and a label that was added to it, or taken from it.
PairT = Tuple[int, str]


def change_labels(
    rows: List[List[str]], seed: int
) -> Tuple[List[List[str]], Set[PairT], Set[PairT]]:
    """RETURNS (Tuple[List[List[str]], Set[PairT], Set[PairT]]): New labels, and which
    were added and taken away.
    """
    chance = numpy.random.RandomState(seed)
    names = sorted({name for labels in rows for name in labels})
    rows = [list(labels) for labels in rows]
    added: Set[PairT] = set()
    taken: Set[PairT] = set()
    if all(len(labels) == 1 for labels in rows):
        chosen = chance.permutation(len(rows))[: round(SHARE * len(rows))]
        for i, step in zip(chosen, chance.randint(1, len(names), size=len(chosen))):
            before = rows[i][0]
            rows[i] = [names[(names.index(before) + step) % len(names)]]
            added.add((int(i), rows[i][0]))
            taken.add((int(i), before))
        return rows, added, taken
    pairs = [(i, name) for i, labels in enumerate(rows) for name in labels]
    n = round(SHARE * len(pairs))
    for place in chance.permutation(len(pairs)):
        i, name = pairs[place]
        if len(taken) < n and len(rows[i]) > 1:
            rows[i].remove(name)
            taken.add((i, name))
    texts, labels = (
        chance.randint(len(rows), size=n),
        chance.randint(len(names), size=n),
    )
    for i, name in zip(texts.tolist(), [names[j] for j in labels]):
        if name not in rows[i] and (i, name) not in taken:
            rows[i].append(name)
            added.add((i, name))
    return rows, added, taken


def predict_by_tfidf(texts: List[str], y: Any, folds: numpy.ndarray) -> Any:
    """y (Any): A label of each text, (texts,), or which it has, (texts, labels).
    RETURNS (Any): Probabilities out of fold, (texts, labels).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    several = y.ndim > 1
    P = numpy.zeros((len(texts), y.shape[1] if several else y.max() + 1))
    for fold in range(N_FOLDS):
        inside, outside = (
            numpy.flatnonzero(folds != fold),
            numpy.flatnonzero(folds == fold),
        )
        features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        model: Any = LogisticRegression(C=10.0, max_iter=300)
        if several:
            model = OneVsRestClassifier(LogisticRegression(C=10.0, solver="liblinear"))
        made = make_pipeline(features, model)
        # A label without a text in these folds has probability 0.
        used = numpy.flatnonzero(y[inside].any(axis=0)) if several else None
        made.fit(
            [texts[i] for i in inside], y[inside][:, used] if several else y[inside]
        )
        found = made.predict_proba([texts[i] for i in outside])
        P[numpy.ix_(outside, used if several else made.classes_)] = found
    return P if several else (P + 1e-6) / (P + 1e-6).sum(axis=1, keepdims=True)


def predict_by_training(
    texts: List[str], names: List[str], y: numpy.ndarray, folds: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Probabilities of pipelines as `init-config` and `spacy
    train` make them, each of the texts of all folds but one.
    """
    P, blank = numpy.full((len(texts), len(names)), 1e-9), spacy.blank("en")
    for fold in range(N_FOLDS):
        inside, outside = (
            numpy.flatnonzero(folds != fold),
            numpy.flatnonzero(folds == fold),
        )
        with tempfile.TemporaryDirectory() as name:
            corpus, out = Path(name) / "train.spacy", Path(name) / "out"
            docs = DocBin()
            for i in inside:
                doc = blank.make_doc(texts[i])
                doc.cats = {names[y[i]]: 1.0}
                docs.add(doc)
            docs.to_disk(corpus)
            out.mkdir()
            paths = {"paths.train": str(corpus), "paths.dev": str(corpus)}
            paths["training.eval_frequency"] = 1_000_000
            config = init_config(audit_corpus(corpus), lang="en")
            loaded = load_config_from_str(config, overrides=paths, interpolate=False)
            nlp = init_nlp(loaded)
            with open(os.devnull, "w") as null:
                train_nlp(nlp, out, stdout=null, stderr=null)
            pipe = load_model_from_path(out / "model-last").get_pipe("longtail_textcat")
        columns = [names.index(label) for label in pipe.labels]
        for start in range(0, len(outside), 256):
            part = outside[start : start + 256]
            raw = pipe.get_raw_scores([blank.make_doc(texts[i]) for i in part])
            P[numpy.ix_(part, columns)] = softmax(raw.logits)
    return P


def compare(path: Path, columns: Columns, word_weight: float) -> Tuple[Any, Any, Any]:
    """RETURNS (Tuple[Any, Any, Any]): Our probabilities out of fold, the labels, and
    the folds.
    """
    contents = read_contents(path, columns, "/", False, {})
    gold = gather_gold(contents)
    fit = CrossFit(gold, contents.prints.hashes, N_FOLDS)
    P = numpy.zeros((len(fit.folds), len(gold.names)))
    names = [get_name_texts(name, "/")[0] for name in gold.names]
    for found in fit.compare(contents.source, word_weight, names, False):
        P[found.rows] = softmax(found.logits)
    return P, gold, fit


def rank_by_cleanlab(P: numpy.ndarray, gold: Any) -> Iterator[Tuple[str, Any]]:
    """YIELDS (Tuple[str, Any]): A score, and the texts in its order."""
    from cleanlab.filter import find_label_issues
    from cleanlab.multilabel_classification import filter as several
    from cleanlab.rank import get_label_quality_scores

    settings: Dict[str, Any] = {"return_indices_ranked_by": "self_confidence"}
    settings["n_jobs"] = 1
    if gold.sizes.max() > 1:
        pairs = zip(gold.starts.tolist(), (gold.starts + gold.sizes).tolist())
        labels = [gold.columns[start:end].tolist() for start, end in pairs]
        found = several.find_label_issues(labels, P, **settings)
        yield "find_label_issues", found
        return
    y = gold.columns
    for method in ("self_confidence", "normalized_margin"):
        scores = get_label_quality_scores(y, P, method=method)
        yield method, numpy.argsort(scores, kind="stable")
    yield "find_label_issues", find_label_issues(y, P, **settings)


def describe(system: str, hits: Sequence[bool], **more: Any) -> Dict[str, Any]:
    """hits (Sequence[bool]): Whether each text is right to be there, in its order."""
    first = hits[:FIRST]
    row = {"system": system, "n": len(hits), "n_first": len(first)}
    row.update(right_first=int(sum(first)), right=int(sum(hits)), **more)
    print(row, flush=True)
    return row


def read_hits(
    suspects: Sequence[Any], added: Set[PairT], taken: Set[PairT]
) -> Dict[str, List[bool]]:
    """RETURNS (Dict[str, List[bool]]): Of texts with a label that doesn't fit, whether
    it is one that was added, and of the others whether the one they lack was taken.
    """
    found: Dict[str, List[bool]] = {"wrong": [], "lacking": []}
    for suspect in suspects:
        less = set(suspect.given) - set(suspect.suggested)
        more = set(suspect.suggested) - set(suspect.given)
        if less:
            found["wrong"].append(any((suspect.row, n) in added for n in less))
        elif more:
            found["lacking"].append(any((suspect.row, n) in taken for n in more))
    return found


def audit(path: Path, descriptions: Optional[Path] = None) -> Tuple[Any, Any, float]:
    """RETURNS (Tuple[Any, Any, float]): The facts of a corpus, its cross-validation,
    and the seconds of a processor.
    """
    start = time.process_time()
    facts = audit_corpus(path, n_folds=N_FOLDS, descriptions=descriptions)
    return facts, facts.cross_validation, time.process_time() - start


def run(name: str, args: Any) -> Dict[str, Any]:
    lines = (args.data / name / "train.jsonl").open(encoding="utf8")
    records = [json.loads(line) for line in lines]
    texts = [record["text"] for record in records]
    rows = [r["labels"] if "labels" in r else [r["label"]] for r in records]
    rows, added, taken = change_labels(rows, args.seed)
    several = any(len(labels) > 1 for labels in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        key = "labels" if several else "label"
        made = [{"text": t, key: r if several else r[0]} for t, r in zip(texts, rows)]
        path.write_text("\n".join(map(json.dumps, made)), encoding="utf8")
        facts, found, seconds = audit(path)
        descriptions, titled = args.data / name / "descriptions.jsonl", None
        if facts.has_codes and descriptions.exists():
            titled = audit(path, descriptions)
        P, gold, fit = compare(path, Columns(), choose_word_weight(facts))
    hits = read_hits(found.suspects, added, taken)
    systems = [describe("wrong labels", hits["wrong"], cpu_s=seconds)]
    if titled is not None:
        wrong = read_hits(titled[1].suspects, added, taken)["wrong"]
        systems.append(describe("with titles", wrong, cpu_s=titled[2]))
    is_wrong = numpy.zeros(len(texts), dtype=bool)
    is_wrong[[i for i, _ in added | taken]] = True
    if several:
        order = [suspect.row for suspect in found.suspects]
        systems.append(describe("lacking labels", hits["lacking"]))
        systems.append(describe("texts", is_wrong[order].tolist()))
    y = gold.columns
    if several:
        y = numpy.zeros((len(texts), len(gold.names)), dtype="int64")
        y[gold.pair(numpy.arange(len(texts)))] = 1
    sources = {"same": P}
    if args.peers:
        sources["TF-IDF"] = predict_by_tfidf(texts, y, fit.folds)
    if args.trained and not several:
        names = list(gold.names)
        sources["trained"] = predict_by_training(texts, names, y, fit.folds)
    for source, own in sources.items():
        try:
            for score, order in rank_by_cleanlab(own, gold):
                what = is_wrong[order].tolist()
                systems.append(describe(f"cleanlab {score}", what, by=source))
        except ImportError:
            print("Install cleanlab for its scores.")
            break
    return {
        "n_texts": len(texts),
        "n_labels": facts.n_labels,
        "n_added": len(added),
        "n_taken": len(taken),
        "several": several,
        "seed": args.seed,
        "systems": systems,
        "machine": {**describe_machine("efficiency"), "cleanlab": find_cleanlab()},
    }


def find_cleanlab() -> Optional[str]:
    try:
        return version("cleanlab")
    except PackageNotFoundError:
        return None


def main() -> None:
    parser = get_parser(__doc__ or "")
    parser.add_argument("--names", nargs="+", default=NAMES)
    parser.add_argument(
        "--peers", action="store_true", help="Also TF-IDF, with cleanlab"
    )
    parser.add_argument("--trained", action="store_true", help="Also trained pipelines")
    args = parser.parse_args()
    print_setting(args.seed)
    for name in args.names:
        print(f"\n{name}")
        write_json(OUT / f"{name}.json", run(name, args))


if __name__ == "__main__":
    main()
