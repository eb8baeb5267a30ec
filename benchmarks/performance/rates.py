"""Texts per second of one kind of use, in a process of its own, for speed.py."""

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Tuple

from .systems import make_textcat_config

FALLBACK, FIRST = "zero_shot_fallback", "longtail_textcat"
BATCH_SIZE = 256


def read_texts(path: Path, n_texts: int) -> List[str]:
    with path.open(encoding="utf8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    return (texts * (1 + n_texts // len(texts)))[:n_texts]


def load_ours(plan: Dict[str, Any]) -> Any:
    import spacy

    nlp = spacy.load(plan["pipeline"])
    if not plan.get("fallback", True) and FALLBACK in nlp.pipe_names:
        nlp.remove_pipe(FALLBACK)
    nlp.get_pipe(FIRST).cats_top_k = plan.get("top_k")
    return nlp


def load_textcat(plan: Dict[str, Any]) -> Any:
    """The weights of a bag of words don't change its speed, so none is trained."""
    import spacy
    from spacy.training import Example

    labels = spacy.load(plan["pipeline"]).get_pipe(FIRST).labels
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat", config=make_textcat_config())
    texts = read_texts(Path(plan["texts"]), len(labels))
    golds = ({"cats": {x: float(x == own) for x in labels}} for own in labels)
    pairs = zip(map(nlp.make_doc, texts), golds)
    examples = [Example.from_dict(doc, gold) for doc, gold in pairs]
    nlp.initialize(lambda: examples)
    return nlp


def load_empty(plan: Dict[str, Any]) -> Any:
    import spacy

    return spacy.blank("en")


def load_fasttext(plan: Dict[str, Any]) -> Any:
    """RETURNS (Any): Trained on the same texts and labels, with its default threads."""
    import fasttext

    fasttext.FastText.eprint = lambda x: None
    rows = [json.loads(line) for line in Path(plan["train"]).open(encoding="utf8")]
    keys = {
        label: f"__label__{i}" for i, label in enumerate({r["label"] for r in rows})
    }
    path = Path(plan["work"]) / f"fasttext-{os.getpid()}.txt"
    lines = [f"{keys[r['label']]} {' '.join(r['text'].split())}\n" for r in rows]
    path.write_text("".join(lines), encoding="utf8")
    options = {"epoch": 25, "lr": 1.0, "wordNgrams": 2, "bucket": 200000}
    return fasttext.train_supervised(str(path), verbose=0, **options)


LOADERS: Dict[str, Callable[[Dict[str, Any]], Any]] = {
    "ours": load_ours,
    "textcat": load_textcat,
    "empty": load_empty,
    "fasttext": load_fasttext,
}


def make_run(plan: Dict[str, Any], model: Any) -> Callable[[List[str]], Iterable[Any]]:
    if plan["system"] == "fasttext":
        k = plan.get("top_k") or -1
        return lambda texts: model.predict(texts, k=k)[0]
    options = {"batch_size": BATCH_SIZE, "n_process": plan.get("n_process", 1)}
    return lambda texts: model.pipe(texts, **options)


def measure(plan: Dict[str, Any]) -> Tuple[float, float]:
    """Warm up, wait for the others, and go through the texts several times.

    plan (Dict[str, Any]): "system", "pipeline", "texts", "n_texts", "n_rounds"; and if
        wanted "top_k", "fallback", "n_process", "keeps" (all results in a list).
    RETURNS (Tuple[float, float]): Texts per second of the best round, by the clock
        and by the time of the processor.
    """
    run = make_run(plan, LOADERS[plan["system"]](plan))
    texts = read_texts(Path(plan["texts"]), plan["n_texts"])
    for _ in run(texts[:1000]):
        pass
    best, best_cpu = 0.0, 0.0
    for _ in range(plan["n_rounds"]):
        gc.collect()
        kept: List[Any] = []
        start, cpu = time.perf_counter(), time.process_time()
        if plan.get("keeps"):
            kept = list(run(texts))
        else:
            for _ in run(texts):
                pass
        best = max(best, len(texts) / (time.perf_counter() - start))
        best_cpu = max(best_cpu, len(texts) / (time.process_time() - cpu))
        del kept
    return best, best_cpu


def main() -> None:
    print(json.dumps(measure(json.loads(sys.argv[1]))), flush=True)


if __name__ == "__main__":
    main()
