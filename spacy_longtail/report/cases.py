from collections import Counter
from typing import Any, Dict, List, Optional

from .answers import Answer, Answers

N_CONFUSIONS = 30
N_DOCUMENTS = 30
N_EXAMPLES = 10
MAX_TEXT = 600


def get_confusions(answers: Answers) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): Pairs of siblings, most documents first."""
    parent = answers.taxonomy.parent
    pairs: Counter = Counter()
    examples: Dict[Any, str] = {}
    support = Counter(answer.gold for answer in answers.on_leaves)
    for answer in answers.on_leaves:
        gold, label = answer.gold, answer.label
        if label is None or label == gold or parent(label) != parent(gold):
            continue
        pairs[gold, label] += 1
        examples.setdefault((gold, label), answer.text[:MAX_TEXT])
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        {
            "gold": gold,
            "label": label,
            "n": n,
            "share": n / support[gold],
            "back": pairs[label, gold],
            "example": examples[gold, label],
        }
        for (gold, label), n in ranked[:N_CONFUSIONS]
    ]


def get_refinement(answers: List[Answer]) -> Optional[Dict[str, Any]]:
    """See what a second stage changed: "first" is the label before it.

    RETURNS (Optional[Dict[str, Any]]): Numbers and examples, None without one.
    """
    if not any("first" in answer.decision for answer in answers):
        return None
    fixed, broken, n_changed = [], [], 0
    for answer in answers:
        first = answer.decision.get("first", answer.label)
        n_changed += first != answer.label
        if first != answer.label == answer.gold:
            fixed.append(answer)
        elif first == answer.gold != answer.label:
            broken.append(answer)
    return {
        "n_refined": sum("first" in answer.decision for answer in answers),
        "n_changed": n_changed,
        "n_fixed": len(fixed),
        "n_broken": len(broken),
        "fixed": [_describe(answer) for answer in fixed[:N_EXAMPLES]],
        "broken": [_describe(answer) for answer in broken[:N_EXAMPLES]],
    }


def get_hardest(answers: List[Answer]) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): Wrong documents, the least probable gold label
    first.
    """
    wrong = [answer for answer in answers if not _is_right(answer)]
    wrong.sort(key=lambda answer: answer.gold_probability)
    return [_describe(answer) for answer in wrong[:N_DOCUMENTS]]


def _is_right(answer: Answer) -> bool:
    path = [node for node, _ in answer.decision["levels"]]
    return answer.gold in path


def _describe(answer: Answer) -> Dict[str, Any]:
    text, decision = answer.text, answer.decision
    return {
        "text": text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…",
        "gold": answer.gold,
        "gold_probability": answer.gold_probability,
        "label": decision["label"],
        "first": decision.get("first"),
        "levels": [list(level) for level in decision["levels"]],
        "candidates": [list(candidate) for candidate in decision["candidates"]],
        "known": decision["known"],
        "stage": decision["stage"],
        "reason": decision["reason"],
    }
