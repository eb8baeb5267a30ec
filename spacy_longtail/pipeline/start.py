from typing import Any, Callable, Iterable, List, Optional

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import Model
from thinc.types import Floats2d
from tqdm import tqdm

from ..errors import Errors
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
    get_gold: Callable[[Example, int], Optional[List[str]]],
    *,
    name: str,
) -> ClassSums:
    """Go through the corpus once, count its labels and add up their documents.

    Shows the progress on a terminal when it takes more than a few seconds.

    examples (Iterable[Example]): The corpus.
    encode (EncodeT): Documents to vectors.
    get_gold (Callable[[Example, int], Optional[List[str]]]): The labels of a document,
        by its number; None for one that isn't annotated.
    name (str): Name of the component, for messages.
    RETURNS (ClassSums): Counts and sums by label.
    RAISES (ValueError): L311 for vectors that aren't finite, and gold errors.
    """
    sums, index = ClassSums(), 0
    progress = tqdm(
        desc=f"{name}: prototypes", unit=" docs", delay=3, leave=False, disable=None
    )
    with progress:
        for batch in minibatch(examples, BATCH_SIZE):
            pairs = []
            for row, example in enumerate(batch):
                labels = get_gold(example, index + row)
                if labels is not None:
                    pairs.append((example.predicted, labels))
            sums.n_docs += len(pairs)
            if pairs:
                docs = [doc for doc, _ in pairs]
                X = encode(docs)
                check_finite(docs, X, name)
                owners = [row for row, (_, found) in enumerate(pairs) for _ in found]
                sums.add([label for _, found in pairs for label in found], X[owners])
            index += len(batch)
            progress.update(len(batch))
    return sums


def check_finite(docs: List[Doc], values: numpy.ndarray, name: str) -> None:
    """Check what a model makes of documents.

    values (numpy.ndarray): Array of shape (docs, columns).
    name (str): Name of the component.
    RAISES (ValueError): L311 with the text of the first that isn't finite.
    """
    bad = numpy.flatnonzero(~numpy.isfinite(values).all(axis=1))
    if len(bad):
        text = docs[bad[0]].text[:60]
        raise ValueError(Errors.L311.format(name=name, text=text))
