import sys
from typing import TYPE_CHECKING, List, Optional, Tuple

from wasabi import color, msg

if TYPE_CHECKING:
    from ..explain.exclusive import Explanation
    from ..explain.html import HasWords
    from ..explain.words import Word

N_WORDS = 10


def show_explanation(found: "Explanation") -> None:
    """Print an explanation, in colour where the terminal has any."""
    decision = found.decision
    msg.divider("Decision")
    for depth, (node, probability) in enumerate(decision["levels"]):
        print(f"{'  ' * depth}{node}  {probability:.3f}")
    print(f"{decision['stage']}: {decision['reason']}; known {decision['known']:.3f}")
    show_added([found.added] if found.added else [])
    if decision["label"] is None:
        msg.text("The text has no label.")
    msg.divider(f"Why {found.label} and not {found.against}")
    print_marks(found)
    show_words(
        found.words,
        (("(bias)", found.bias), ("(prior)", found.prior)),
        [("log of the odds", f"{found.difference:+.2f}", "")],
    )
    show_method(found.method)


def print_marks(found: "HasWords") -> None:
    """Print the text with the words that count."""
    from ..explain.html import get_marks

    tones = {True: "green", False: "red"}
    words = [
        color(
            mark["text"],
            fg=tones[mark["strength"] > 0],
            bold=abs(mark["strength"]) > 0.5,
        )
        + mark["space"]
        if abs(mark["strength"]) >= 0.1 and sys.stdout.isatty()
        else mark["text"] + mark["space"]
        for mark in get_marks(found)
    ]
    print("".join(words))


def show_words(
    words: List["Word"],
    shifts: Tuple[Tuple[str, Optional[float]], ...],
    ends: List[Tuple[str, str, str]],
) -> None:
    """Print the words that count most, and what else there is to sum up.

    shifts (Tuple[Tuple[str, Optional[float]], ...]): Names and values, left out if
        there is none.
    ends (List[Tuple[str, str, str]]): The last rows.
    """
    ranked = sorted(words, key=lambda word: -abs(word.contribution))[:N_WORDS]
    rows = [
        (word.text, f"{word.contribution:+.2f}", f"{word.bigrams:+.2f}")
        for word in ranked
    ]
    rows += [(name, f"{value:+.2f}", "") for name, value in shifts if value]
    header = ("word", "counts", "of it with its neighbours")
    msg.table(rows + ends, header=header, divider=True, aligns=("l", "r", "r"))


def show_added(labels: List[str]) -> None:
    """Say of labels that were added at run time why there are no words for them."""
    for label in labels:
        msg.text(
            f"{label} was added at run time: it is judged by how close the text is to "
            "its prototype, not by words."
        )


def show_method(method: str) -> None:
    """Say what the numbers mean if they aren't shares."""
    if method == "occlusion":
        msg.text("Each word counts as what is lost without it; they needn't add up.")
