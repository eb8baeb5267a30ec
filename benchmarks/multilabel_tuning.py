"""Tune configs/multilabel.cfg on dev for each goal, score the test file each time.

python benchmarks/multilabel_tuning.py --data DIR [--names nlupp goemotions]

"As trained" are the thresholds that the config fits on dev by itself.
"""

from pathlib import Path
from typing import Any

from common import MULTILABEL_CONFIG as CONFIG
from common import MULTILABEL_PIPE as PIPE
from common import get_parser, print_setting, read_multilabel, train
from spacy.language import Language

from spacy_longtail.report.build import build_report
from spacy_longtail.tuning import Wish, tune
from spacy_longtail.tuning.settings import read_settings, write_settings

WISHES = {
    "for macro": Wish("macro"),
    "for accuracy": Wish("accuracy"),
    "for calibration": Wish("calibration"),
    "precision 0.9": Wish(precision=0.9),
    "for accuracy, precision 0.9": Wish("accuracy", precision=0.9),
}
COLUMNS = {
    "macro-F1": "macro_f",
    "micro-F1": "micro_f",
    "precision": "micro_p",
    "recall": "micro_r",
    "ECE": "ece",
}


def main() -> None:
    parser = get_parser(__doc__)
    parser.add_argument("--names", nargs="*", default=["nlupp"])
    args = parser.parse_args()
    print_setting(args.seed)
    print(f"\n| data, settings | prior | temperature | {' | '.join(COLUMNS)} |")
    print(f"|{'---|' * (len(COLUMNS) + 3)}")
    for name in args.names:
        folder = args.data / name
        settings = {"system.seed": args.seed}
        nlp, _ = train(folder, settings, config=CONFIG, read=read_multilabel)
        trained = read_settings(nlp, PIPE)
        print_row(f"{name}, as trained", nlp, folder / "test.jsonl")
        for title, wish in WISHES.items():
            write_settings(nlp, PIPE, trained)
            tune(nlp, read_multilabel(nlp, folder / "dev.jsonl"), wish, resamples=10)
            print_row(f"{name}, {title}", nlp, folder / "test.jsonl")


def print_row(title: str, nlp: Language, path: Path) -> None:
    report = build_report(nlp, read_multilabel(nlp, path), resamples=2)
    values = [report["headline"][key]["value"] for key in COLUMNS.values()]
    pipe: Any = nlp.get_pipe(PIPE)
    cells = " | ".join(f"{value:.3f}" for value in values)
    print(f"| {title} | {pipe.prior} | {pipe.temperature:.2f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
