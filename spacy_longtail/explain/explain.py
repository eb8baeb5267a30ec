from dataclasses import replace
from pathlib import Path
from typing import Any, Optional, Sequence, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc

from ..audit.labels import find_codes
from ..errors import Errors
from ..evaluation.nearest import find_neighbours
from ..evaluation.pipes import (
    find_added,
    find_part,
    find_pipe,
    find_rivals,
    find_titles,
    run_before,
    run_pipes,
)
from ..presentation import render
from ..spelling import find_similar
from ..tables.cells import check_characters
from ..taxonomy import Taxonomy
from .words import weigh_words

TEMPLATES = Path(__file__).parent / "templates"
# What find_similar says then.
NOTHING_SIMILAR = "–"


def explain(
    nlp: Language,
    text: str,
    *,
    label: Union[str, Sequence[str], None] = None,
    against: Optional[str] = None,
    pipe: Optional[str] = None,
    n_nearest: int = 3,
) -> Any:
    """Find out which words carried a decision.

    The document vector of a bag of words is a sum over words and bigrams, and the
    logits are linear in it, so their shares are exact. Other encoders are run again
    without each word.

    text (str): The text.
    label (Union[str, Sequence[str], None]): The label to explain, by default the most
        probable one. With several labels per document it can be several, by default
        those that the document has.
    against (Optional[str]): What to compare it with, by default the next one. Not with
        several labels per document.
    pipe (Optional[str]): Name of the component, if there are several.
    n_nearest (int): How many of the training texts that are kept with the pipeline to
        show, those that are most like the text.
    RETURNS (Any): An Explanation of the kind of labels, with contributions in the logs
        of odds.
    RAISES (ValueError): L521 without a word, L522 for an unknown label, L525 for one
        that was added at run time, L514, L518, L523, L524.
    """
    name = find_pipe(nlp, pipe)
    component: Any = nlp.get_pipe(name)
    if not text.strip():
        raise ValueError(Errors.L521.format(text=text))
    check_characters(text, "The text to explain")
    labels = [label] if isinstance(label, str) else list(label or ())
    for wanted in (*labels, against):
        if wanted is not None:
            _check_label(nlp, name, wanted)
    explain_kind = find_part("explain", component.kind)
    before, final = _run_alone(nlp, name, text)
    found = explain_kind(nlp, name, before, final, labels=labels, against=against)
    asked = list(dict.fromkeys([*found.get_labels(), *labels]))
    (nearest,) = find_neighbours(nlp, name, [before], [asked], n_nearest)
    taxonomy = component.taxonomy
    codes = find_codes(taxonomy.leaves, taxonomy.separator)
    titles = find_titles(component, asked, codes)
    return replace(found, titles=titles, nearest=nearest)


def render_explanation(explanation: Any, separator: str = "/") -> str:
    """Turn an explanation into a page in displaCy's manner: the text with its words
    marked, stronger where they count more.

    explanation (Any): What explain returns.
    separator (str): What joins the segments of a label.
    RETURNS (str): HTML that needs nothing else.
    """
    return render(
        TEMPLATES / explanation.template,
        filters={"weigh": weigh_words},
        found=explanation,
        separator=separator,
    )


def _run_alone(nlp: Language, name: str, text: str) -> Tuple[Doc, Doc]:
    """The text as a component gets it, and with all labels and the decision that it and
    what belongs to it give, whatever other components there are.
    """
    pipe: Any = nlp.get_pipe(name)
    before = run_before(nlp, name, [nlp.make_doc(text)])[0]
    rivals = find_rivals(nlp, name)
    names = [other for other in nlp.pipe_names if other not in rivals]
    with pipe.kind.write_all_cats():
        return before, run_pipes(nlp, [nlp.make_doc(text)], names)[0]


def _check_label(nlp: Language, name: str, label: str) -> None:
    taxonomy: Taxonomy = nlp.get_pipe(name).taxonomy  # type: ignore[attr-defined]
    if label in taxonomy.index:
        return
    added = find_added(nlp, name)
    if label in added:
        raise ValueError(Errors.L525.format(label=label, fallback=added[label]))
    similar = find_similar(label, taxonomy.leaves)
    hint = "Labels are given with their full path."
    if similar != NOTHING_SIMILAR:
        hint = f"Did you mean: {similar}?"
    n = len(taxonomy.leaves)
    raise ValueError(Errors.L522.format(label=label, name=name, n=n, hint=hint))
