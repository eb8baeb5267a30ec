"""Train configs/efficiency.cfg as it stands on each data set and score its test file,
beside what a scikit-learn user would take.

    python benchmarks/quality.py --data DIR [--split dev] [--names fr_rome en_tram]
"""

import time
from pathlib import Path
from typing import Any, Dict, List

import spacy
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
from spacy.training import Example

from spacy_longtail.scoring.exclusive import longtail_score
from spacy_longtail.taxonomy import Taxonomy

DATA = ["clinc150_lt", "naics2012", "msha"]
LANGUAGES = {"fr_rome": "fr", "es_codiesp": "es"}
SYSTEMS: Dict[str, Dict[str, Any]] = {
    "efficiency.cfg": {},
    "with WeightedCrossEntropy": {
        f"{PIPE}.loss": {"@losses": "spacy-longtail.WeightedCrossEntropy.v1"}
    },
    "with n-grams": {f"{PIPE}.model.encoder.ngram_width": 256},
}


def score_linear_svc(folder: Path, split: str, taxonomy: Taxonomy, seed: int) -> str:
    """Balanced LinearSVC on TF-IDF of words and character n-grams, as a table row."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    nlp = spacy.blank("en")
    start = time.perf_counter()
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True),
    )
    model = make_pipeline(
        features, LinearSVC(class_weight="balanced", random_state=seed)
    )
    training = read_examples(nlp, folder / "train.jsonl")
    model.fit(get_texts(training), [next(iter(eg.reference.cats)) for eg in training])
    seconds = time.perf_counter() - start
    examples = read_examples(nlp, folder / f"{split}.jsonl")
    for eg, label in zip(examples, model.predict(get_texts(examples))):
        eg.predicted.cats = {label: 1.0}
    scores = longtail_score(examples, taxonomy=taxonomy, labels=taxonomy.leaves)
    return format_row(f"{folder.name}, LinearSVC", scores, f"{seconds:.0f}")


def get_texts(examples: List[Example]) -> List[str]:
    return [eg.text for eg in examples]


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--names", nargs="*", default=DATA)
    args = parser.parse_args()
    print_setting(args.seed)
    print(f"{CONFIG.name}, {args.split} files\n")
    print(format_header("data, system, prior", "seconds"))
    for name in args.names:
        folder = args.data / name
        for system, overrides in SYSTEMS.items():
            shared = {"nlp.lang": LANGUAGES.get(name, "en"), "system.seed": args.seed}
            nlp, seconds = train(folder, {**shared, **overrides})
            examples = read_examples(nlp, folder / f"{args.split}.jsonl")
            pipe = nlp.get_pipe("longtail_textcat")
            for prior in ("uniform", 0.5, "train"):
                pipe.prior = prior
                scores = nlp.evaluate(examples)
                title = f"{name}, {system}, {prior}"
                print(format_row(title, scores, f"{seconds:.0f}"), flush=True)
        print(score_linear_svc(folder, args.split, pipe.taxonomy, args.seed))


if __name__ == "__main__":
    main()
