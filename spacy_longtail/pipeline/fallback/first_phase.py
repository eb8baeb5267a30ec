from typing import Any, List

import numpy
from spacy.tokens import Doc

from .decided import read_decided
from .router import judge, route
from .writer import RefinedWriter


def prepare(pipe: Any) -> None:
    """Get a fallback ready for write_unrouted, which asks its gate, but never its
    ranker: that needn't be loaded.
    """
    pipe._link.get().handover.is_open = pipe.is_needed
    if pipe.gate is not None:
        pipe.gate.load()


def write_unrouted(pipe: Any, docs: List[Doc]) -> numpy.ndarray:
    """Do what a fallback does for the documents about which its ranker isn't asked, for
    example abstain. The others stay as the first stage has left them.

    pipe (ZeroShotFallback): The fallback, see prepare.
    RETURNS (numpy.ndarray): Whether the ranker has to be asked, bool of shape (docs,).
    """
    is_routed = numpy.zeros(len(docs), dtype=bool)
    if not pipe.is_needed or not docs:
        return is_routed
    stages = pipe._refresh()
    stages.kind.check_fallback(stages)
    decided = read_decided(docs, stages.source, stages.source.taxonomy)
    if not len(decided.rows):
        return is_routed
    found, _ = route([docs[row] for row in decided.rows], decided, stages)
    is_routed[decided.rows[found]] = True
    rest = decided.select(~found)
    if len(rest.rows):
        # Of these, none will be asked about.
        judged = judge(docs, rest, stages)
        refined = stages.kind.refine(judged, stages)
        RefinedWriter(stages).write(docs, judged, refined)
    return is_routed
