from contextlib import contextmanager
from typing import Any, Iterator


@contextmanager
def write_all_cats(pipe: Any) -> Iterator[None]:
    """Let a component and its fallback write all their labels to `doc.cats` for a
    while, also those that its 'cats_top_k' leaves out: a label that is missing there
    isn't improbable.

    pipe (Any): A longtail_textcat or longtail_textcat_multilabel.
    """
    top_k = pipe.cats_top_k
    pipe.cats_top_k = None
    try:
        yield
    finally:
        pipe.cats_top_k = top_k
