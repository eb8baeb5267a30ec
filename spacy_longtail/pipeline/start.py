from typing import Any, Callable, Collection, Iterable, List, Optional

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import Model
from thinc.types import Floats2d
from tqdm import tqdm

from ..errors import Errors
from .gold import get_gold_label
from .prototypes import ClassSums

BATCH_SIZE = 256
EncodeT = Callable[[List[Doc]], numpy.ndarray]


def make_start_encoder(
    encoder: Model[List[Doc], Floats2d], nlp: Optional[Language], component: object
) -> EncodeT:
    """Make a function that encodes documents before the pipeline is trained.

    A listener finds nothing in a document that the component it listens to hasn't
    seen, so that component is run first, on copies.

    encoder (Model[List[Doc], Floats2d]): An initialized encoder.
    nlp (Optional[Language]): The pipeline.
    component (object): The component in it that is being initialized.
    RETURNS (EncodeT): Documents to an array of shape (docs, width).
    """
    upstream: List[Any] = []
    if nlp is not None and is_listening(encoder):
        # A frozen component is disabled while the pipeline is initialized.
        for _, pipe in nlp.components:
            if pipe is component:
                break
            if hasattr(pipe, "find_listeners"):
                upstream.append(pipe)

    def encode(docs: List[Doc]) -> numpy.ndarray:
        if upstream:
            docs = [doc.copy() for doc in docs]
        for pipe in upstream:
            docs = list(pipe.pipe(docs))
        return encoder.ops.to_numpy(encoder.predict(docs))

    return encode


def is_listening(encoder: Model[List[Doc], Floats2d]) -> bool:
    """RETURNS (bool): Whether the encoder gets its vectors from another component."""
    return any(
        hasattr(node, "upstream_name") or "_upstream_name" in node.attrs
        for node in encoder.walk()
    )


def count_and_sum(
    examples: Iterable[Example],
    encode: EncodeT,
    *,
    name: str,
    separator: str,
    labels: Optional[Collection[str]] = None,
) -> ClassSums:
    """Go through the corpus once, count its labels and add up their documents.

    Shows the progress on a terminal when it takes more than a few seconds.

    examples (Iterable[Example]): The corpus.
    encode (EncodeT): Documents to vectors.
    name (str): Name of the component, for messages.
    separator (str): What joins the segments of a label.
    labels (Optional[Collection[str]]): The component's labels, None for all.
    RETURNS (ClassSums): Counts and sums by label.
    RAISES (ValueError): L302, L303 for documents without a clear label, L311 for
        vectors that aren't finite.
    """
    known = None if labels is None else set(labels)
    sums, index = ClassSums(), 0
    progress = tqdm(
        desc=f"{name}: prototypes", unit=" docs", delay=3, leave=False, disable=None
    )
    with progress:
        for batch in minibatch(examples, BATCH_SIZE):
            found = [
                get_gold_label(
                    example, index + row, name=name, separator=separator, known=known
                )
                for row, example in enumerate(batch)
            ]
            pairs = [
                (eg, label) for eg, label in zip(batch, found) if label is not None
            ]
            if pairs:
                X = encode([example.predicted for example, _ in pairs])
                if not numpy.isfinite(X).all():
                    row = int(numpy.flatnonzero(~numpy.isfinite(X).all(axis=1))[0])
                    text = pairs[row][0].predicted.text[:60]
                    message = Errors.L311.format(name=name, text=text)
                    raise ValueError(message)
                sums.add([label for _, label in pairs], X)
            index += len(batch)
            progress.update(len(batch))
    return sums
