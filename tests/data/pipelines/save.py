"""Save a pipeline of each kind of labels, and what it predicts, for later releases to
load: python tests/data/pipelines/save.py FORMAT
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEXTS = [
    *("lend me some money", "I lost my debit card in the hotel", "a gold coin", ""),
    *("what does it cost", "which papers for China", "cardz and moneyz", "qqqq"),
]
ENCODER = {"ngram_width": 32, "min_ngram_count": 1}
SETTINGS = {
    "exclusive": (0.3, {"bank": 0.3}),
    "multilabel": (0.7, {"bank/card": 0.2, "travel/hotel": 0.4}),
}


def save(kind, folder):
    nlp = kind.make_pair(first={"model": {"encoder": ENCODER}})
    kind.train(nlp, n_updates=kind.n_updates)
    pipe = nlp.get_pipe(kind.factory)
    pipe.prior, pipe.thresholds = SETTINGS[kind.name]
    pipe.settings.temperature = 1.5
    fallback = nlp.get_pipe("zero_shot_fallback")
    fallback.add_label("bank/gold", description="gold coins", examples=["buy gold"])
    nlp.to_disk(folder)
    rows = []
    for top_k, is_first in [(None, False), (3, False), (None, True)]:
        pipe.cats_top_k = top_k
        disabled = ["zero_shot_fallback"] if is_first else []
        with nlp.select_pipes(disable=disabled):
            for doc in nlp.pipe(TEXTS):
                row = {"text": doc.text, "cats_top_k": top_k, "first": is_first}
                row["cats"] = {key: round(p, 5) for key, p in doc.cats.items()}
                rows.append({**row, "data": doc._.longtail})
    lines = ",\n".join(json.dumps(row) for row in rows)
    folder.with_suffix(".json").write_text(f"[\n{lines}\n]\n", encoding="utf8")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1] / "pipeline"))
    from conftest import EXCLUSIVE_DATA, MULTILABEL_DATA, Kind

    for kind in (
        Kind("exclusive", EXCLUSIVE_DATA, n_updates=2),
        Kind("multilabel", MULTILABEL_DATA, n_updates=5),
    ):
        save(kind, HERE / f"{kind.name}-{sys.argv[1]}")
