"""Which categories to mend first, and what would help each."""

from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Sequence, Set

import numpy

from ..evaluation.evidence import Evidence
from ..presentation import count_noun
from ..scoring.predictions import Predictions
from .names import show_label
from .sections import AskT, ConfusionsT, find_instead, shorten_text

N_MENDED = 5
# Fewest missed documents that say something about where they go.
FEWEST = 3
NOTHING: Mapping[str, str] = MappingProxyType({})


def find_mending(
    evidence: Evidence,
    labels: Sequence[Dict[str, Any]],
    confusions: ConfusionsT,
    described: Set[str],
    ask: AskT,
    names: Mapping[str, str] = NOTHING,
) -> List[Dict[str, Any]]:
    """Find the labels with the most mistakes: documents that miss the label, which is
    its volume times its error, and then those that were wrongly given it.

    labels (Sequence[Dict[str, Any]]): See describe_rows.
    described (Set[str]): Labels with a description.
    ask (AskT): See NearestTexts.
    names (Mapping[str, str]): See find_names.
    RETURNS (List[Dict[str, Any]]): JSON values, most mistakes first, for each label:
        its count, support, pooled and described; n_missed and n_false documents; share
        of all missed pairs of a document and a label; instead, the label that most of
        them were given, n_instead; n_without, those without any label; help, sentences;
        example, the text of one of the n_instead, None without any, and the training
        texts of the two labels that are nearest to it.
    """
    predictions = evidence.predictions
    missed, false = (
        _count(predictions, pairs) for pairs in (predictions.missed, predictions.false)
    )
    without = ~numpy.isin(predictions.missed.rows, predictions.given.rows)
    n_without = _count(predictions, predictions.missed.select(without))
    instead = find_instead(predictions, confusions)
    column_of = {label: i for i, label in enumerate(predictions.labels)}
    total, found = max(int(missed.sum()), 1), []
    for row in labels:
        column = column_of[row["label"]]
        if not missed[column] and not false[column]:
            continue
        other, n_instead = instead[column]
        found.append(
            {
                **{key: row[key] for key in ("label", "count", "support", "pooled")},
                "described": row["label"] in described,
                "n_missed": int(missed[column]),
                "n_false": int(false[column]),
                "share": int(missed[column]) / total,
                "instead": other,
                "n_instead": n_instead,
                "n_without": int(n_without[column]),
            }
        )
    found.sort(key=lambda row: (-row["n_missed"], -row["n_false"], row["label"]))
    return [
        {
            **row,
            "help": _advise(evidence, row, names),
            **_show_example(evidence, row, confusions, ask),
        }
        for row in found[:N_MENDED]
    ]


def _show_example(
    evidence: Evidence, row: Dict[str, Any], confusions: ConfusionsT, ask: AskT
) -> Dict[str, Any]:
    if not row["n_instead"]:
        return {"example": None, "nearest": []}
    labels = evidence.predictions.labels
    pair = row["label"], row["instead"]
    place = confusions[labels.index(pair[0]), labels.index(pair[1])][0]
    text = shorten_text(evidence.docs[place].text)
    return {"example": text, "nearest": ask(place, pair)}


def _count(predictions: Predictions, pairs: Any) -> numpy.ndarray:
    columns = pairs.columns[predictions.is_counted[pairs.rows]]
    return numpy.bincount(columns, minlength=len(predictions.labels))


def _advise(
    evidence: Evidence, row: Dict[str, Any], names: Mapping[str, str]
) -> List[str]:
    tree, (head, mid) = evidence.taxonomy, evidence.predictions.bounds
    n, n_instead, n_without = (row[x] for x in ("n_missed", "n_instead", "n_without"))
    other = show_label(row["instead"] or "", names, tree.separator)
    goes, found = f"{n_instead:,} of the {n:,} it lacks go to {other}", []
    if n >= FEWEST and 2 * n_instead > n:
        is_sibling = tree.parent(row["label"]) == tree.parent(row["instead"])
        advice = "merge them, or" if is_sibling else "look whether"
        text = "say what sets them apart" if is_sibling else "those are labelled right"
        found.append(f"{goes}: {advice} {text}")
    if n >= FEWEST and 2 * n_without > n:
        found.append(f"{n_without:,} of the {n:,} it lacks got no label at all")
    if row["count"] < head:
        few = "only " if row["count"] < mid else ""
        pooled = " and is pooled" if row["pooled"] else ""
        texts = count_noun(row["count"], "training text")
        found.append(f"label more texts: it has {few}{texts}{pooled}")
        found += [] if row["described"] else ["describe it: it has no description"]
    if not found:
        more = [f"{goes}, more than to any other label"] if n_instead >= FEWEST else []
        text = "look for wrong labels among its texts, with 'audit --cross-validate 5'"
        found += [*more, text]
    return found
