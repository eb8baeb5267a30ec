from typing import Any, Callable, Iterable, List, NamedTuple, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ..errors import Errors
from ..ops import softmax
from ..pipeline.settings import PriorT
from ..pipeline.textcat import RawScores
from ..scoring.exclusive import get_gold_labels

ProgressT = Callable[[Iterable[Any]], Iterable[Any]]


class Evidence(NamedTuple):
    """What a model finds in documents with a gold label, before prior and temperature.

    pipe (Any): The component, for its taxonomy and biases.
    docs (List[Doc]): As they were before the component.
    names (Tuple[str, ...]): The leaves, then gold labels that training never saw.
    gold (numpy.ndarray): Index into names, of shape (docs,).
    raw (RawScores): For these documents.
    n_ignored (int): Documents left out: without a gold label or with one at an inner
        node.
    """

    pipe: Any
    docs: List[Doc]
    names: Tuple[str, ...]
    gold: numpy.ndarray
    raw: RawScores
    n_ignored: int

    def select(self, rows: numpy.ndarray) -> "Evidence":
        """RETURNS (Evidence): That of some documents."""
        raw = RawScores(self.raw.logits[rows], self.raw.similarity[rows])
        docs = [self.docs[row] for row in rows.tolist()]
        return self._replace(docs=docs, gold=self.gold[rows], raw=raw)

    def get_logits(self, prior: PriorT) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Logits under the prior, of shape (docs, leaves)."""
        return self.raw.logits + self.pipe.get_bias(prior)

    def get_probabilities(self, prior: PriorT, temperature: float) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): As the component would predict."""
        return softmax(self.get_logits(prior) / temperature)


def collect(
    nlp: Language,
    name: str,
    examples: Iterable[Example],
    *,
    progress: ProgressT = iter,
) -> Evidence:
    """Run a pipeline up to a component once, and keep what its model finds.

    name (str): Name of the component, a longtail_textcat.
    examples (Iterable[Example]): With gold labels.
    progress (ProgressT): Wraps the examples, for example tqdm.
    RETURNS (Evidence): In the order of the examples.
    RAISES (ValueError): L510 if no document has a leaf as its gold label.
    """
    pipe: Any = nlp.get_pipe(name)
    kept: List[Example] = []
    parts: List[RawScores] = []
    for batch in minibatch(progress(examples), nlp.batch_size):
        docs = run_before(nlp, name, [eg.predicted for eg in batch])
        parts.append(pipe.get_raw_scores(docs))
        kept += [Example(doc, eg.reference) for doc, eg in zip(docs, batch)]
    taxonomy = pipe.taxonomy
    labels = get_gold_labels(kept, taxonomy)
    inner = taxonomy.ranges.keys() - taxonomy.index.keys()
    rows = [row for row, label in enumerate(labels) if label and label not in inner]
    if not rows:
        raise ValueError(Errors.L510.format(n=len(kept), name=name))
    ids = dict(taxonomy.index)
    gold = [ids.setdefault(labels[row], len(ids)) for row in rows]  # type: ignore[arg-type]
    return Evidence(
        pipe=pipe,
        docs=[kept[row].predicted for row in rows],
        names=tuple(ids),
        gold=numpy.asarray(gold),
        raw=RawScores(
            numpy.concatenate([part.logits for part in parts])[rows],
            numpy.concatenate([part.similarity for part in parts])[rows],
        ),
        n_ignored=len(kept) - len(rows),
    )


def run_before(nlp: Language, name: str, docs: List[Doc]) -> List[Doc]:
    """RETURNS (List[Doc]): The documents as a component gets them."""
    before = nlp.pipe_names[: nlp.pipe_names.index(name)]
    with nlp.select_pipes(enable=before):
        return list(nlp.pipe(docs))
