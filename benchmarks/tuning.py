"""Tune on dev, score the test file before and after, for each goal.

python benchmarks/tuning.py --data DIR [--names clinc150_lt naics2012]

The prior that fits the test file is the uniform one for clinc150_lt, whose test file
is balanced, and is looked for on dev for naics2012.
"""

from common import get_parser, print_setting, read_examples, train

from spacy_longtail.tuning import Wish, tune
from spacy_longtail.tuning.settings import read_settings, write_settings

NAME = "longtail_textcat"
WISHES = {
    "clinc150_lt": {"uniform prior": Wish("calibration", prior="uniform")},
    "naics2012": {
        "for macro": Wish("macro"),
        "for accuracy": Wish("accuracy"),
        "for calibration": Wish("calibration"),
    },
}
ABSTAINING = {
    "precision 0.9": Wish("accuracy", precision=0.9),
    "precision 0.9 per label": Wish("accuracy", precision=0.9, per_label=True),
}


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--names", nargs="*", default=list(WISHES))
    args = parser.parse_args()
    print_setting(args.seed)
    columns = ["macro-F1", "accuracy", "ECE", "coverage", "precision"]
    print(f"\n| data, settings | prior | temperature | {' | '.join(columns)} |")
    print(f"|{'---|' * 8}")
    for name in args.names:
        nlp, _ = train(args.data / name, {"system.seed": args.seed})
        dev = args.data / name / "dev.jsonl"
        test = args.data / name / "test.jsonl"
        untuned = read_settings(nlp, NAME)
        print_row(f"{name}, untuned", nlp, test)
        for title, wish in {**WISHES[name], **ABSTAINING}.items():
            write_settings(nlp, NAME, untuned)
            tune(nlp, read_examples(nlp, dev), wish, resamples=10)
            print_row(f"{name}, {title}", nlp, test)


def print_row(title, nlp, path):
    scores = nlp.evaluate(read_examples(nlp, path))
    settings = read_settings(nlp, NAME)
    coverage = scores["longtail_coverage"]
    values = [scores[f"longtail_{key}"] for key in ("macro_f", "accuracy", "ece")]
    values += [coverage, scores["longtail_accuracy"] / max(coverage, 1e-9)]
    cells = " | ".join(f"{value:.3f}" for value in values)
    row = f"| {title} | {settings.prior} | {settings.temperature:.2f} | {cells} |"
    print(row, flush=True)


if __name__ == "__main__":
    main()
