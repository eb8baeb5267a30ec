from pathlib import Path
from typing import Any

from ..pages import render
from .words import weigh_words

TEMPLATES = Path(__file__).parent / "templates"


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
