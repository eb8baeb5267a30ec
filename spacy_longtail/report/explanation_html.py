from typing import Any, Dict, List

from .explanation import Explanation
from .html import render


def render_explanation(explanation: Explanation, separator: str = "/") -> str:
    """Turn an explanation into a page in displaCy's manner: the text with its words
    marked, stronger where they count more.

    separator (str): What joins the segments of a label.
    RETURNS (str): HTML that needs nothing else.
    """
    return render(
        "explanation.html.jinja",
        found=explanation,
        marks=get_marks(explanation),
        separator=separator,
    )


def get_marks(explanation: Explanation) -> List[Dict[str, Any]]:
    """Work out how strongly to mark each word.

    RETURNS (List[Dict[str, Any]]): For each word text, space, contribution and
        strength, from -1.0 to 1.0, 1.0 being the word that counts most.
    """
    largest = max(abs(word.contribution) for word in explanation.words) or 1.0
    return [
        {
            "text": word.text,
            "space": word.space,
            "contribution": word.contribution,
            "strength": word.contribution / largest,
        }
        for word in explanation.words
    ]
