import sys
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from wasabi import color, msg

from .group import Arg, Opt, fail_clearly, longtail, print_json

if TYPE_CHECKING:
    from ..report.explanation import Explanation


# fmt: off
@longtail.command("explain")
def explain_cli(
    pipeline: str = Arg(..., help="Pipeline folder or package, with a longtail_textcat"),
    text: str = Arg(..., help="The text"),
    label: Optional[str] = Opt(None, "--label", "-l", help="Label to explain, by default the most probable one"),
    against: Optional[str] = Opt(None, "--against", "-a", help="Label to compare it with, by default the next one"),
    output: Optional[Path] = Opt(None, "--output", "-o", help="HTML file to write, in displaCy's manner"),
    pipe: Optional[str] = Opt(None, "--pipe", help="Name of the component, if there are several"),
    json: bool = Opt(False, "--json", help="Print the explanation as JSON"),
) -> None:
    # fmt: on
    """
    Show the path of a decision, and the words that carried it.

    Example: python -m spacy longtail explain training/model-best "my card was stolen"
    """
    from ..report.explanation import explain
    from ..report.explanation_html import render_explanation
    from ..tuning.settings import find_pipe
    from ..tuning.storage import load_pipeline, write_text

    with fail_clearly():
        nlp = load_pipeline(pipeline)
        found = explain(nlp, text, label=label, against=against, pipe=pipe)
        if output is not None:
            separator = nlp.get_pipe(find_pipe(nlp, pipe)).taxonomy.separator  # type: ignore[attr-defined]
            write_text(output, render_explanation(found, separator))
    if json:
        print_json(found.to_dict())
        return
    show_explanation(found)
    if output is not None:
        msg.good("Saved the explanation", str(output))


def show_explanation(found: "Explanation") -> None:
    """Print an explanation, in colour where the terminal has any."""
    from ..report.explanation_html import get_marks

    decision = found.decision
    msg.divider("Decision")
    for depth, (node, probability) in enumerate(decision["levels"]):
        print(f"{'  ' * depth}{node}  {probability:.3f}")
    print(f"{decision['stage']}: {decision['reason']}; known {decision['known']:.3f}")
    msg.divider(f"Why {found.label} and not {found.against}")
    marks = get_marks(found)
    tones = {True: "green", False: "red"}
    words = [
        color(mark["text"], fg=tones[mark["strength"] > 0], bold=abs(mark["strength"]) > 0.5) + mark["space"]
        if abs(mark["strength"]) >= 0.1 and sys.stdout.isatty()
        else mark["text"] + mark["space"]
        for mark in marks
    ]
    print("".join(words))
    ranked = sorted(found.words, key=lambda word: -abs(word.contribution))[:10]
    rows = [(word.text, f"{word.contribution:+.2f}", f"{word.bigrams:+.2f}") for word in ranked]
    rows += [(name, f"{value:+.2f}", "") for name, value in (("(bias)", found.bias), ("(prior)", found.prior)) if value]
    rows.append(("log of the odds", f"{found.difference:+.2f}", ""))
    header = ("word", "counts", "of it with its neighbours")
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r"))
    if found.method == "occlusion":
        msg.text("Each word counts as what is lost without it; they needn't add up.")
