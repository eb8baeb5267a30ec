"""What a fallback knows of the first stage and its labels, as it is at one moment, so
that threads can predict while others change that.
"""

from copy import copy
from functools import partial
from typing import Any, Dict

from ...errors import Errors
from ...locks import LOCK
from ..encoding import make_start_encoder, run_encoder
from .router import Stages


def refresh(pipe: Any) -> Stages:
    """Bring the ranker up to date with the labels and the first stage's encoder.

    RETURNS (Stages): As all is now. A prediction goes on with it, whatever labels
        and settings other threads change meanwhile.
    """
    source = pipe._link.get()
    with LOCK:
        added, asked = dict(pipe.store.added), (pipe.ranker, pipe.gate)
        stages, known = pipe._stages, (source, source.n_updates, added, *asked)
        if stages is None or pipe._seen != known:
            stages = pipe._stages = _make_stages(pipe, *known)
    changes = {"kind": source.kind.freeze(), "settings": pipe.settings.copy_now()}
    return stages._replace(name=pipe.name, **changes)


def _make_stages(
    pipe: Any, source: Any, n_updates: int, added: Dict[str, Any], *asked: Any
) -> Stages:
    if not pipe.store.known:
        raise ValueError(Errors.L338.format(name=pipe.name))
    if odd := sorted({*pipe.store.known} ^ {*source.labels}):
        text = Errors.L371.format(
            name=pipe.name, source=pipe.source, n=len(odd), labels=odd[:5]
        )
        raise ValueError(text)
    encoder, seen = source.model.get_ref("encoder"), pipe._seen
    known = source, n_updates, added, *asked
    if seen != known:
        if pipe._stages is not None:
            # A thread can be asking about the labels as they were before.
            asked = tuple(map(copy, asked))
        is_same = seen is not None and seen[:2] + seen[3:] == known[:2] + known[3:]
        for ranker in filter(None, asked):
            cards = pipe.store.make_cards(source.taxonomy, pipe.nlp, added)
            encode = make_start_encoder(encoder, pipe.nlp, source)
            ranker.set_labels(cards, encode, only_added=is_same)
    for ranker in filter(None, asked):
        ranker.bind(partial(run_encoder, encoder))
    pipe.ranker, pipe.gate = asked
    pipe._seen = source, n_updates, added, *asked
    taxonomy = pipe._extend(source.taxonomy, tuple(added))
    return Stages(
        name=pipe.name,
        source=source,
        ranker=pipe.ranker,
        gate=pipe.gate,
        kind=source.kind.freeze(),
        taxonomy=taxonomy,
        added=added,
        settings=pipe.settings,
        writer=source.kind.make_writer(taxonomy),
    )


def add_usage(pipe: Any, **numbers: float) -> None:
    """Add numbers to those of the pipe's `usage`."""
    with LOCK:
        for name, number in numbers.items():
            pipe.usage[name] += number
