"""The training texts that are most like the documents that a report shows."""

from dataclasses import asdict
from typing import Any, Dict, List, Optional, Sequence, Tuple

from spacy.language import Language

from ..evaluation.evidence import Evidence
from ..evaluation.nearest import find_neighbours
from .sections import shorten_text

# As in the JSON.
NearestT = List[Dict[str, Any]]


class NearestTexts:
    """Collects the documents that are shown, so that each kept text is encoded once for
    all of them.
    """

    def __init__(self) -> None:
        self._asked: List[Tuple[int, List[str], NearestT]] = []

    def ask(self, row: int, labels: Sequence[Optional[str]]) -> NearestT:
        """Ask for the kept texts that are most like a document.

        row (int): Of the document in the evidence.
        labels (Sequence[Optional[str]]): Those whose texts are compared with it.
        RETURNS (NearestT): A list that find fills later.
        """
        wanted = list(dict.fromkeys(label for label in labels if label is not None))
        found: NearestT = []
        self._asked.append((row, wanted, found))
        return found

    def find(self, nlp: Language, name: str, evidence: Evidence, n: int) -> None:
        """Fill all lists that were asked for, see find_neighbours: text, labels and
        similarity of each kept text.
        """
        docs = [evidence.docs[row] for row, _, _ in self._asked]
        labels = [wanted for _, wanted, _ in self._asked]
        nearest = find_neighbours(nlp, name, docs, labels, n)
        for (_, _, found), own in zip(self._asked, nearest):
            found += [{**asdict(one), "text": shorten_text(one.text)} for one in own]
