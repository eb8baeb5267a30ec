from pathlib import Path
from typing import List, Optional

from spacy.cli._util import Arg, Opt

from ..presentation import Remark
from .command import PIPE, PIPELINE, command, print_remark, print_result


# fmt: off
@command("explain")
def explain_cli(
    pipeline: str = PIPELINE,
    text: str = Arg(..., help="The text"),
    label: Optional[List[str]] = Opt(None, "--label", "-l", help="Label to explain, by default the most probable one. With several labels per document it can be given several times, and by default is each one that the text has"),
    against: Optional[str] = Opt(None, "--against", "-a", help="Label to compare it with, by default the next one. Not with several labels per document"),
    output: Optional[Path] = Opt(None, "--output", "-o", help="HTML file to write, in displaCy's manner"),
    pipe: Optional[str] = PIPE,
    json: bool = Opt(False, "--json", help="Print the explanation as JSON"),
) -> None:
    # fmt: on
    """
    Show the path of a decision, and the words that carried it.

    Example: python -m spacy longtail explain training/model-best "my card was stolen"
    """
    from ..evaluation.pipes import find_pipe
    from ..explain import explain, render_explanation
    from ..files import load_pipeline, write_text

    nlp = load_pipeline(pipeline)
    found = explain(nlp, text, label=label, against=against, pipe=pipe)
    if output is not None:
        separator = nlp.get_pipe(find_pipe(nlp, pipe)).taxonomy.separator  # type: ignore[attr-defined]
        write_text(output, render_explanation(found, separator))
    print_result(found, json)
    if output is not None and not json:
        print_remark(Remark("good", f"Saved the explanation to {output}"))
