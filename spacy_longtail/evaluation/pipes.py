"""Which components of a pipeline belong together."""

import re
from importlib import import_module
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..pipeline.kinds.base import LabelKind, get_factories
from ..pipeline.names import get_name_texts

# In the meta of a pipeline that nobody has named.
UNNAMED, UNVERSIONED = "pipeline", "0.0.0"
TRAINED = ("model-best", "model-last")
# Of a description that stands for a title.
MAX_TITLE = 80
# Before closing marks, behind opening ones and apostrophes.
NO_SPACE = re.compile(r" (?=[,.;:!?%)\]}»”’'])|(?<=[(\[{«“’']) ")
# What the function of a room does.
VERBS = {"scoring": "read", "tuning": "tune", "report": "report", "explain": "explain"}


def find_part(room: str, kind: LabelKind) -> Callable[..., Any]:
    """Find the function of a room for a kind of labels: it is in the module of the
    kind's name, and called by the verb of the room and that name.

    room (str): One of VERBS.
    """
    module = import_module(f"..{room}.{kind.name}", __package__)
    return getattr(module, f"{VERBS[room]}_{kind.name}")


def find_pipe(nlp: Language, name: Optional[str] = None) -> str:
    """Find the component of a pipeline that categorizes by a taxonomy. One that gives
    each document one label is meant before one that can give several.

    name (Optional[str]): The one that is meant, if there are several.
    RETURNS (str): Its name.
    RAISES (ValueError): L514 if it isn't clear which one is meant, L518 if the name is
        that of another component or none.
    """
    pipes = _find_components(nlp)
    names = sorted(pipes, key=lambda other: pipes[other].kind.allows_several)
    if name in names:
        return str(name)
    factories = " or ".join(map(repr, get_factories()))
    if name is not None and names:
        text = Errors.L518.format(name=name, found=names, factories=factories)
        raise ValueError(text)
    singles = [other for other in names if not pipes[other].kind.allows_several]
    meant = singles or names
    if len(meant) != 1:
        text = Errors.L514.format(
            found=names or "none", factories=factories, pipes=nlp.pipe_names
        )
        raise ValueError(text)
    return meant[0]


def name_pipeline(nlp: Language) -> Tuple[str, str]:
    """RETURNS (Tuple[str, str]): Name and version of a pipeline, by its meta. If nobody
    has named it, the folder that it was loaded from, or what spaCy calls it.
    """
    meta = nlp.meta
    version = "" if meta["version"] == UNVERSIONED else meta["version"]
    if meta["name"] == UNNAMED and nlp.path is not None:
        path = nlp.path.resolve()
        # What spaCy calls the folders of a training says nothing.
        parts = path.parts[-2:] if path.name in TRAINED else path.parts[-1:]
        return "/".join(parts), version
    return f"{meta['lang']}_{meta['name']}", version


def find_described(nlp: Language, name: str) -> Set[str]:
    """RETURNS (Set[str]): Labels of a component that have a description."""
    pipe: Any = nlp.get_pipe(name)
    found = zip(pipe.taxonomy.leaves, pipe.cfg["names"])
    described = {label for label, names in found if len(names) > 1}
    fallback = find_fallback(nlp, name)
    if fallback is not None:
        store: Any = nlp.get_pipe(fallback).store  # type: ignore[attr-defined]
        for label, record in (*store.known.items(), *store.added.items()):
            described.update([label] if len(record["names"]) > 1 else [])
    return described


def find_titles(
    component: Any, labels: Sequence[str], codes: Collection[str] = ()
) -> Dict[str, str]:
    """Find what labels are called that have a title of their own.

    codes (Collection[str]): Labels whose names say nothing: the description, or the
        start of a long one, is the title of those that have none.
    RETURNS (Dict[str, str]): By label.
    """
    taxonomy, found = component.taxonomy, {}
    for label in labels:
        if label in taxonomy.index:
            title, *more = component.cfg["names"][taxonomy.index[label]]
            (name,) = get_name_texts(label, taxonomy.separator)
            if _letters(title) != _letters(name):
                found[label] = _join(title)
            elif more and label in codes:
                text = _join(more[0])
                is_long = len(text) > MAX_TITLE
                found[label] = f"{text[: MAX_TITLE - 1]}…" if is_long else text
    return found


def _letters(words: Iterable[str]) -> str:
    return "".join(filter(str.isalnum, "".join(words)))


def _join(words: Sequence[str]) -> str:
    """RETURNS (str): Text whose white space is lost."""
    return NO_SPACE.sub("", " ".join(words))


def find_fallback(nlp: Language, name: str) -> Optional[str]:
    """RETURNS (Optional[str]): Name of the fallback of a component, if it has one."""
    fallbacks = (n for n, pipe in nlp.pipeline if getattr(pipe, "source", None) == name)
    return next(fallbacks, None)


def find_rivals(nlp: Language, name: str) -> List[str]:
    """RETURNS (List[str]): The other components that write decisions, and the
    fallbacks of these: what has to be disabled to see the decisions of this one.
    """
    rivals = _find_components(nlp).keys() - {name}
    return [
        other
        for other, pipe in nlp.pipeline
        if other in rivals or getattr(pipe, "source", None) in rivals
    ]


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
    later, fallback = find_later(nlp, name), find_fallback(nlp, name)
    second: Any = nlp.get_pipe(str(fallback)) if fallback in later else None
    if second is not None and not second.is_needed:
        later.remove(str(fallback))
    if not is_changed and fallback not in later:
        return []
    writers = [p for p in later if "doc.cats" in nlp.get_pipe_meta(p).assigns]
    return writers or later


def find_added(nlp: Language, name: str) -> Dict[str, str]:
    """RETURNS (Dict[str, str]): Labels that were added to a component at run time, and
    the name of the fallback that has them. They are judged by how close a text is to
    their prototype, so that no word has a share in that.
    """
    fallback = find_fallback(nlp, name)
    if fallback is None:
        return {}
    pipe: Any = nlp.get_pipe(fallback)
    return dict.fromkeys(pipe.added_labels, fallback)


def run_before(nlp: Language, name: str, docs: List[Doc]) -> List[Doc]:
    """RETURNS (List[Doc]): The documents as a component gets them."""
    return run_pipes(nlp, docs, nlp.pipe_names[: nlp.pipe_names.index(name)])


def run_pipes(nlp: Language, docs: List[Doc], names: Sequence[str]) -> List[Doc]:
    """Run some of the components. The others aren't disabled meanwhile, or they would
    be for all other threads, too.
    """
    stream: Iterable[Doc] = docs
    for name, pipe in nlp.pipeline:
        if name in names and hasattr(pipe, "pipe"):
            stream = pipe.pipe(stream, batch_size=nlp.batch_size)
        elif name in names:
            stream = map(pipe, stream)
    return list(stream)


def _find_components(nlp: Language) -> Dict[str, Any]:
    return {
        name: pipe for name, pipe in nlp.pipeline if hasattr(pipe, "get_raw_scores")
    }
