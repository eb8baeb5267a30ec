from typing import TYPE_CHECKING

from wasabi import msg

from .show_explanation import (
    N_WORDS,
    print_marks,
    show_added,
    show_method,
    show_words,
)

if TYPE_CHECKING:
    from ..explain.multilabel import (
        LabelExplanation,
        MultilabelExplanation,
    )


def show_multilabel_explanation(found: "MultilabelExplanation") -> None:
    """Print an explanation of labels that don't exclude each other."""
    decision = found.decision
    msg.divider("Decision")
    given = set(decision["labels"])
    rows = [
        (
            label,
            f"{probability:.3f}",
            f"{found.thresholds[label]:.3f}",
            "given" if label in given else "",
        )
        for label, probability in decision["candidates"]
    ]
    header = ("most probable", "probability", "threshold", "")
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r", "l"))
    n_more = len(given - {label for label, _ in decision["candidates"]})
    more = f"; {n_more} more given" if n_more else ""
    print(
        f"{decision['stage']}: {decision['reason']}; known {decision['known']:.3f}{more}"
    )
    show_added(found.added)
    if not given:
        msg.text("The text has no label.")
    for label in found.labels:
        _show_label(label)
    if found.labels:
        show_method(found.method)


def _show_label(found: "LabelExplanation") -> None:
    msg.divider(f"Why {'' if found.is_given else 'not '}{found.label}")
    print_marks(found)
    ends = [("log of the odds", f"{found.difference:+.2f}", "")]
    if found.other is None:
        ends.append((f"needed for {found.threshold:.3f}", f"{found.needed:+.2f}", ""))
    ranked = sorted(found.words, key=lambda word: -abs(word.contribution))
    rest = sum(word.contribution for word in ranked[N_WORDS:])
    # Without a bias, the words needn't sum to anything.
    other = ("(other words)", None if found.bias is None else rest)
    shifts = (other, ("(bias)", found.bias), ("(prior)", found.prior))
    show_words(found.words, shifts, ends)
    if found.other is not None:
        msg.text(
            f"It is pooled in the Other of {found.other or 'the root'}: its odds are "
            "against the absence of all labels that are pooled there, which share its "
            f"probability. It has {found.probability:.3f} of the {found.threshold:.3f} "
            "needed."
        )
