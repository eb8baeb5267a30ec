"""Print what a pipeline has learned: its scores beside those of a linear model, what
the fallback brings, its rarest hits, some predictions, and a category that is added
without training.

python scripts/show.py PIPELINE METRICS.json TEST.spacy BASELINE.json
"""

import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from wasabi import msg

SCORES = {
    "macro-F1, all labels": "longtail_macro_f",
    "  head (50 or more training documents)": "longtail_head_f",
    "  mid (10 to 49)": "longtail_mid_f",
    "  tail (fewer than 10)": "longtail_tail_f",
    "accuracy": "longtail_accuracy",
    "accuracy, broad categories": "longtail_coarse_accuracy",
}
N_RAREST = 8
WIDTH = 60
FALLBACK = "zero_shot_fallback"
NEW_LABEL = "access/ev_charging"
NEW_DESCRIPTION = "charging an electric car at the charge points of the car park"
NEW_TICKET = "the charge point rejects my badge, how can I charge my electric car?"
EXAMPLES = [
    "my screen just goes black when i plug it into the thing on the desk",
    "Got a mail from 'the CEO' asking me to buy gift cards. I did NOT click anything",
    "baby is due in march, who do i tell and how long can i stay at home?",
]


def print_scores(scores: Dict[str, Any], baseline: Dict[str, Any]) -> None:
    msg.divider("Scores on the test tickets")
    rows = [
        (name, *(show_score(found.get(key)) for found in (scores, baseline["scores"])))
        for name, key in SCORES.items()
    ]
    header = ("", "this one", "LinearSVC")
    aligns = ("l", "r", "r")
    msg.table(rows, header=header, aligns=aligns, divider=True, max_col=WIDTH)
    print(
        f"The tickets are few for so many categories. LinearSVC is {baseline['name']}, "
        f"measured on {baseline['date']} with scikit-learn {baseline['scikit-learn']}."
    )


def show_score(value: Optional[float]) -> str:
    return "–" if value is None else f"{value:.3f}"


def print_gain(nlp: Language, gold: List[Doc], scores: Dict[str, Any]) -> None:
    msg.divider("The tail before and after the fallback")
    with nlp.select_pipes(disable=[FALLBACK]):
        before = nlp.evaluate([Example(nlp.make_doc(d.text), d) for d in gold])
    rows = [
        (name, f"{before[key]:.3f}", f"{scores[key]:.3f}")
        for name, key in SCORES.items()
        if scores[key] is not None
    ]
    aligns = ("l", "r", "r")
    header = ("", "before", "after")
    msg.table(rows, header=header, aligns=aligns, divider=True, max_col=WIDTH)
    pipe = nlp.get_pipe(FALLBACK)
    list(nlp.pipe(doc.text for doc in gold))
    fixed, broken = (scores[f"longtail_refined_{key}"] for key in ("fixed", "broken"))
    print(
        f"{pipe.stats['routed_share']:.0%} of the tickets were ranked again; labels "
        f"made right: {fixed * len(gold):.0f}, made wrong: {broken * len(gold):.0f}"
    )


def print_new_label(nlp: Language) -> None:
    msg.divider("A category added without training")
    pipe = nlp.get_pipe(FALLBACK)
    print(f"\n{NEW_TICKET}")
    print(f"  before: {nlp(NEW_TICKET)._.longtail.label}")
    pipe.add_label(NEW_LABEL, description=NEW_DESCRIPTION)
    decision = nlp(NEW_TICKET)._.longtail
    print(f"  after add_label: {decision.label}  {decision.probability:.2f}")
    print(f"  because: {decision.reason}")


def print_rarest(nlp: Language, gold: List[Doc]) -> None:
    taxonomy = nlp.get_pipe("longtail_textcat").taxonomy
    counts = dict(zip(taxonomy.leaves, taxonomy.counts))
    hits = {}
    for doc, predicted in zip(gold, nlp.pipe(doc.text for doc in gold)):
        label = predicted._.longtail.label
        if doc.cats.get(label) == 1.0:
            hits.setdefault(label, doc.text.replace("\n", " "))
    rarest = sorted(hits, key=lambda label: (counts[label], label))[:N_RAREST]
    msg.divider("The rarest categories it found")
    rows = [(label, counts[label], shorten(hits[label], WIDTH)) for label in rarest]
    header = ("category", "training", "ticket")
    msg.table(rows, header=header, divider=True, max_col=WIDTH)


def print_predictions(nlp: Language) -> None:
    msg.divider("Three predictions")
    for doc in nlp.pipe(EXAMPLES):
        decision = doc._.longtail
        print(f"\n{doc.text}")
        for depth, (node, probability) in enumerate(decision.levels):
            print(f"  {'  ' * depth}{node}  {probability:.2f}")
        others = [f"{label} {share:.2f}" for label, share in decision.candidates[1:4]]
        print(f"  next: {', '.join(others)}")


def shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def main() -> None:
    pipeline, metrics, corpus, baseline = map(Path, sys.argv[1:5])
    nlp = spacy.load(pipeline)
    gold = list(DocBin().from_disk(corpus).get_docs(nlp.vocab))
    scores = srsly.read_json(metrics)
    print_scores(scores, srsly.read_json(baseline))
    print_gain(nlp, gold, scores)
    print_rarest(nlp, gold)
    print_predictions(nlp)
    print_new_label(nlp)


if __name__ == "__main__":
    main()
