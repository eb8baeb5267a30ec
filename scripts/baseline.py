"""Write down what a linear model gets on the tickets, so that the demo can say how hard
they are without scikit-learn.

python scripts/baseline.py PIPELINE TRAIN.spacy TEST.spacy OUTPUT.json
"""

import platform
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import srsly

from spacy_longtail.loading import load_pipeline, read_corpus
from spacy_longtail.report import build_report


def main() -> None:
    pipeline, train, test, output = sys.argv[1:5]
    nlp = load_pipeline(pipeline)
    report = build_report(
        nlp,
        read_corpus(nlp, Path(test)),
        baseline=read_corpus(nlp, Path(train)),
    )
    against = report["against"]
    found = {
        "name": against["name"],
        "scikit-learn": version("scikit-learn"),
        "python": platform.python_version(),
        "date": date.today().isoformat(),
        "scores": {
            f"longtail_{key}": round(row["before"][0], 4)
            for key, row in against["metrics"].items()
        },
    }
    srsly.write_json(output, found)


if __name__ == "__main__":
    main()
