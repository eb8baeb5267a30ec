from typing import List

from spacy.language import Language

from ..settings import find_fallback, find_rivals


def find_later(nlp: Language, name: str) -> List[str]:
    """RETURNS (List[str]): What comes after a component, without those that write
    decisions of their own.
    """
    rivals = find_rivals(nlp, name)
    after = nlp.pipe_names[nlp.pipe_names.index(name) + 1 :]
    return [other for other in after if other not in rivals]


def find_changers(nlp: Language, name: str, *, is_changed: bool) -> List[str]:
    """Find the components that change the probabilities of a component. A fallback does
    if it has something to do, under whatever prior, and even if it has left documents
    alone so far.

    is_changed (bool): Whether the probabilities are others at the end.
    RETURNS (List[str]): Names, all that could have if none says that it does.
    """
    later = find_later(nlp, name)
    fallback = find_fallback(nlp, name)
    is_active = fallback in later and nlp.get_pipe(str(fallback)).is_needed  # type: ignore[attr-defined]
    if not (is_changed or is_active):
        return []
    if not is_active:
        later = [other for other in later if other != fallback]
    writers = [p for p in later if "doc.cats" in nlp.get_pipe_meta(p).assigns]
    return writers or later
