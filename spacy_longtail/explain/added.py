from typing import Any, Dict

from spacy.language import Language

from ..tuning.settings import find_fallback


def find_added(nlp: Language, name: str) -> Dict[str, str]:
    """Find the labels that were added at run time. They are judged by how close a text
    is to their prototype, so that no word has a share in that.

    name (str): Name of the component that learned the other labels.
    RETURNS (Dict[str, str]): For each of them the name of its fallback.
    """
    fallback = find_fallback(nlp, name)
    if fallback is None:
        return {}
    pipe: Any = nlp.get_pipe(fallback)
    return dict.fromkeys(pipe.added_labels, fallback)
