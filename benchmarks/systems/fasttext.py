"""fastText: an average of words and n-grams under a linear classifier."""

from pathlib import Path
from typing import Any, Dict, List

import numpy
from harness.corpus import Task

from .base import System, cut
from .linear import CHANCES

PREFIX = "__label__"
# Five epochs are for millions of texts. Chosen on the dev file of clinc150_lt.
TUNED: Dict[str, Any] = {
    "epoch": 100,
    "lr": 1.0,
    "wordNgrams": 2,
    "minn": 3,
    "maxn": 5,
    "bucket": 200000,
}


class FastText(System):
    def __init__(self, tuned: bool, **more: Any) -> None:
        super().__init__(**{**(TUNED if tuned else {}), **more})

    def prepare(self, task: Task) -> None:
        import fasttext

        # Labels are words of a line, so that they can't have spaces.
        keys = {name: f"{PREFIX}{i}" for i, name in enumerate(task.names)}
        self.names = task.names
        self.path = task.work / "train.txt"
        with self.path.open("w", encoding="utf8") as file_:
            for text, labels in zip(task.train.texts, task.train.labels):
                words = [*(keys[label] for label in labels), *text.split()]
                file_.write(" ".join(words) + "\n")
        fasttext.FastText.eprint = lambda x: None

    def fit(self, task: Task) -> None:
        import fasttext

        # Its default, the softmax, is for labels that exclude each other.
        loss = {"loss": "ova"} if task.several else {}
        self.model = fasttext.train_supervised(
            str(self.path), thread=1, seed=task.seed, verbose=0, **loss, **self.settings
        )
        self.threshold = None
        if task.several:
            scores = self.rate(task.dev.texts)
            self.threshold = self.choose_threshold(scores, self.names, task, CHANCES)

    def rate(self, texts: List[str]) -> numpy.ndarray:
        scores = numpy.zeros((len(texts), len(self.names)))
        lines = [" ".join(text.split()) for text in texts]
        for row, (keys, found) in enumerate(zip(*self.model.predict(lines, k=-1))):
            scores[row, [int(key[len(PREFIX) :]) for key in keys]] = found
        return scores

    def save(self, folder: Path) -> None:
        self.model.save_model(str(folder / "model.bin"))

    def load(self, folder: Path) -> None:
        import fasttext

        self.model = fasttext.load_model(str(folder / "model.bin"))

    def predict(self, texts: List[str]) -> List[List[str]]:
        if self.threshold is not None:
            return cut(self.rate(texts), self.names, self.threshold)
        keys, _ = self.model.predict([" ".join(text.split()) for text in texts])
        found = [own[0][len(PREFIX) :] if own else "0" for own in keys]
        return [[self.names[int(key)]] for key in found]
