from typing import Any, Dict, List, Protocol, Sequence, Union

from ..report.html import render
from ..tuning.settings import MULTILABEL
from .exclusive import Explanation
from .multilabel import MultilabelExplanation
from .words import Word


class HasWords(Protocol):
    """What get_marks needs of an explanation."""

    @property
    def words(self) -> Sequence[Word]:
        """RETURNS (Sequence[Word]): What each word brings."""


def render_explanation(
    explanation: Union[Explanation, MultilabelExplanation], separator: str = "/"
) -> str:
    """Turn an explanation into a page in displaCy's manner: the text with its words
    marked, stronger where they count more.

    separator (str): What joins the segments of a label.
    RETURNS (str): HTML that needs nothing else.
    """
    if explanation.kind == MULTILABEL:
        found: Any = explanation
        pairs = [(label, get_marks(label)) for label in found.labels]
        return render(
            "multilabel_explanation.html.jinja",
            found=found,
            pairs=pairs,
            separator=separator,
        )
    return render(
        "explanation.html.jinja",
        found=explanation,
        marks=get_marks(explanation),  # type: ignore[arg-type]
        separator=separator,
    )


def get_marks(explanation: HasWords) -> List[Dict[str, Any]]:
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
