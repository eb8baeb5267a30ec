"""The systems whose costs are compared, trained for a while only: none is judged."""

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

from .made_up import Corpus

BATCH_SIZE = 128


class SpacySystem:
    """A blank pipeline with a trainable component.

    factory (str): The component.
    config (Dict[str, Any]): Its config.
    """

    def __init__(self, factory: str, **config: Any) -> None:
        self.factory, self.config = factory, config

    def start(self, corpus: Corpus) -> None:
        import spacy

        self.nlp = spacy.blank("en")
        self.pipe: Any = self.nlp.add_pipe(self.factory, config=self.config)
        self.labels = list(dict.fromkeys(corpus.gold))
        examples = list(self.make_examples(corpus.texts, corpus.gold))
        self.optimizer = self.nlp.initialize(lambda: examples)

    def make_examples(self, texts: Sequence[str], gold: Sequence[str]) -> Iterator[Any]:
        from spacy.training import Example

        for text, label in zip(texts, gold):
            yield Example.from_dict(self.nlp.make_doc(text), {"cats": {label: 1.0}})

    def update(self, texts: Sequence[str], gold: Sequence[str]) -> Callable[[], Any]:
        """RETURNS (Callable[[], Any]): A step of training, with the documents made."""
        examples = list(self.make_examples(texts, gold))
        return lambda: self.nlp.update(examples, sgd=self.optimizer)

    def predict(self, texts: Sequence[str]) -> None:
        for _ in self.nlp.pipe(texts, batch_size=256):
            pass

    def save(self, folder: Path) -> None:
        self.nlp.to_disk(folder)


class Longtail(SpacySystem):
    """The first stage as `add_pipe` makes it, and what a user with many labels sets."""

    def __init__(self, **config: Any) -> None:
        super().__init__("longtail_textcat", **config)


class TextCat(SpacySystem):
    """spaCy's own, with the model of the quickstart for a CPU."""

    def __init__(self) -> None:
        super().__init__("textcat", **make_textcat_config())

    def make_examples(self, texts: Sequence[str], gold: Sequence[str]) -> Iterator[Any]:
        from spacy.training import Example

        # It needs all labels of a document to learn that the others are wrong.
        negative = dict.fromkeys(self.labels, 0.0)
        for text, label in zip(texts, gold):
            cats = {"cats": {**negative, label: 1.0}}
            yield Example.from_dict(self.nlp.make_doc(text), cats)

    def start(self, corpus: Corpus) -> None:
        import spacy

        self.nlp = spacy.blank("en")
        self.pipe = self.nlp.add_pipe(self.factory, config=self.config)
        self.labels = list(dict.fromkeys(corpus.gold))
        for label in self.labels:
            self.pipe.add_label(label)
        first = list(self.make_examples(corpus.texts[:10], corpus.gold))
        self.optimizer = self.nlp.initialize(lambda: first)


class LinearSVC:
    """TF-IDF of words and characters and a balanced LinearSVC: trained at once."""

    def start(self, corpus: Corpus) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline, make_union
        from sklearn.svm import LinearSVC as Classifier

        features = make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
        )
        self.model = make_pipeline(features, Classifier(class_weight="balanced"))
        self.model.fit(corpus.texts, corpus.gold)

    def predict(self, texts: Sequence[str]) -> None:
        for start in range(0, len(texts), 256):
            self.model.predict(texts[start : start + 256])

    def save(self, folder: Path) -> None:
        import joblib

        folder.mkdir()
        joblib.dump(self.model, folder / "model.joblib")


def make_textcat_config() -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What `spacy init config -p textcat` writes for it."""
    from spacy.cli.init_config import init_config

    config = init_config(lang="en", pipeline=["textcat"], silent=True)
    found = config["components"]["textcat"]
    return {key: value for key, value in found.items() if key != "factory"}


SYSTEMS: Dict[str, Callable[[], Any]] = {
    "longtail": Longtail,
    "longtail_top10": lambda: Longtail(cats_top_k=10),
    "textcat": TextCat,
    "linear_svc": LinearSVC,
}
TITLES = {
    "longtail": "spacy-longtail",
    "longtail_top10": "spacy-longtail, `cats_top_k = 10`",
    "textcat": "spaCy `textcat`",
    "linear_svc": "TF-IDF, LinearSVC",
}


def cut_batches(texts: List[str], gold: List[str]) -> Iterator[Any]:
    for start in range(0, len(texts) - BATCH_SIZE + 1, BATCH_SIZE):
        part = slice(start, start + BATCH_SIZE)
        yield texts[part], gold[part]
