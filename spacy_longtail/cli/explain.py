from functools import partial
from pathlib import Path
from typing import List, Optional

from spacy.cli._util import Arg, Opt

from .command import PIPE, PIPELINE, command
from .output import FORCE, PAGE, look_at_page, print_and_save


# fmt: off
@command("explain")
def explain_cli(
    pipeline: str = PIPELINE,
    text: str = Arg(..., help="The text"),
    label: Optional[List[str]] = Opt(None, "--label", "-l", help="Label to explain, by default the most probable one. With several labels per document it can be given several times, and by default is each one that the text has"),
    against: Optional[str] = Opt(None, "--against", "-a", help="Label to compare it with, by default the next one. Not with several labels per document"),
    output: Optional[Path] = PAGE,
    nearest: int = Opt(3, "--nearest", "-n", help="Training texts to show that are most like the text, of those that are kept with the pipeline; 0 for none"),
    pipe: Optional[str] = PIPE,
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the explanation as JSON"),
) -> None:
    # fmt: on
    """
    Show the path of a decision, and the words that carried it.

    Example: python -m spacy longtail explain training/model-best "my card was stolen"
    """
    from ..evaluation.pipes import find_pipe
    from ..explain import explain, render_explanation
    from ..loading import load_pipeline

    before = look_at_page(output, pipeline, force=force, as_json=json)
    nlp = load_pipeline(pipeline)
    found = explain(
        nlp, text, label=label, against=against, pipe=pipe, n_nearest=nearest
    )
    separator = nlp.get_pipe(find_pipe(nlp, pipe)).taxonomy.separator  # type: ignore[attr-defined]
    render = partial(render_explanation, found, separator)
    print_and_save(found, render, output, before, json, "explanation")
