"""One run of a pipeline over a corpus, kept."""

from contextlib import closing, contextmanager
from typing import (
    Any,
    Callable,
    Dict,
    Generator,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ..encoders import contract
from ..errors import Errors
from ..pipeline.decision import get_stored
from ..pipeline.settings import PriorT
from ..pipeline.textcat import RawScores
from ..pipeline.trained import MIN_SHARE
from ..presentation import Remark
from ..scoring.predictions import HEAD, MID, Predictions
from ..taxonomy import Taxonomy
from .pipes import find_fallback, find_later, find_part, run_before, run_pipes

ProgressT = Callable[[Iterable[Any]], Iterable[Any]]


class Evidence(NamedTuple):
    """What a component finds in documents, before prior and temperature, and what comes
    out at the end of the pipeline.

    pipe (Any): The component.
    taxonomy (Taxonomy): With the labels that were added at run time.
    docs (List[Doc]): Documents with gold labels, as they were before the component.
    decisions (List[Dict[str, Any]]): Those at the end, see Decision.
    predictions (Predictions): Gold labels, and those at the end. The first labels are
        the leaves of the taxonomy.
    raw (Any): The RawScores of these documents, None if they weren't kept.
    columns (numpy.ndarray): Which labels are the component's own, of shape (leaves,).
    n_read (int): Documents of the corpus, with and without gold labels.
    terms (Optional[numpy.ndarray]): What the terms of the model alone find, of shape
        (docs, leaves), None unless they have a share that can be changed.
    """

    pipe: Any
    taxonomy: Taxonomy
    docs: List[Doc]
    decisions: List[Dict[str, Any]]
    predictions: Predictions
    raw: Any
    columns: numpy.ndarray
    n_read: int
    terms: Optional[numpy.ndarray] = None

    @property
    def has_abstained(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Whether a document is left without any label,
        whatever their probabilities, of shape (docs,).
        """
        return numpy.asarray([found["label"] is None for found in self.decisions])

    def count_trained(self) -> Optional[int]:
        """RETURNS (Optional[int]): How many of the documents have a text that was
        trained on, see TrainingTexts. None if that isn't known.
        """
        return self.pipe.trained.count(self.docs)

    def select(self, rows: numpy.ndarray) -> "Evidence":
        """RETURNS (Evidence): That of some documents."""
        raw = self.raw and RawScores(*(part[rows] for part in self.raw))
        return self._replace(
            docs=[self.docs[row] for row in rows.tolist()],
            decisions=[self.decisions[row] for row in rows.tolist()],
            predictions=self.predictions.select(rows),
            raw=raw,
            terms=None if self.terms is None else self.terms[rows],
        )

    def remix(self, share: Optional[float]) -> "Evidence":
        """RETURNS (Evidence): With what the component would find if the terms of its
        model had another share. None for the one that they have.
        """
        if share is None or self.terms is None:
            return self
        model, logits = self.pipe.model, self.raw.logits
        logits = contract.remix_terms(model, self.terms, logits, share)
        return self._replace(raw=self.raw._replace(logits=logits))

    def get_logits(self, prior: PriorT) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Logits under the prior, of shape (docs, leaves)."""
        return self.raw.logits + self.pipe.get_bias(prior)

    def get_probabilities(self, prior: PriorT, temperature: float) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): As the component would predict, same shape."""
        logits = self.get_logits(prior) / temperature
        return self.pipe.kind.get_probabilities(logits, self.pipe.taxonomy)


def collect(
    nlp: Language,
    name: str,
    examples: Iterable[Example],
    *,
    bounds: Optional[Tuple[int, int]] = None,
    keeps_raw: bool = True,
    progress: ProgressT = iter,
) -> Evidence:
    """Run a pipeline once, and keep what a component finds and what comes out at last.
    The components that write other decisions are left out, and `doc.cats` stays as it
    was before the component.

    name (str): Name of the component.
    examples (Iterable[Example]): With gold labels.
    bounds (Optional[Tuple[int, int]]): Fewest training documents of a head and of a
        mid label. None for those of the component's scorer.
    keeps_raw (bool): Whether other settings will be tried on the scores of the model,
        an array of documents and labels.
    progress (ProgressT): Wraps the examples, for example tqdm.
    RETURNS (Evidence): In the order of the examples.
    RAISES (ValueError): L510 if no document has a gold label.
    """
    pipe: Any = nlp.get_pipe(name)
    last: Any = nlp.get_pipe(find_fallback(nlp, name) or name)
    taxonomy: Taxonomy = last.taxonomy
    if bounds is None:
        keywords = getattr(pipe.scorer, "keywords", {})
        bounds = keywords.get("head", HEAD), keywords.get("mid", MID)
    docs: List[Doc] = []
    decisions: List[Dict[str, Any]] = []
    raws: List[RawScores] = []
    terms: List[numpy.ndarray] = []
    has_share = keeps_raw and contract.get_share(pipe.model) is not None

    def run() -> Generator[Example, None, None]:
        for batch in minibatch(progress(examples), nlp.batch_size):
            before = run_before(nlp, name, [eg.predicted for eg in batch])
            raw = pipe.get_raw_scores(before)
            terms.extend([contract.run_terms(pipe.model, before)] if has_share else [])
            with run_after(nlp, name, before, raw) as done:
                for doc, eg in zip(done, batch):
                    yield Example(doc, eg.reference)
                docs.extend(done)
                decisions.extend(map(get_stored, done))
            raws.extend([raw] if keeps_raw else [])

    read = find_part("scoring", pipe.kind)
    with closing(run()) as stream:
        predictions = read(
            stream,
            taxonomy,
            pipe=name,
            bounds=bounds,
            get_thresholds=pipe.get_thresholds,
            missing=getattr(pipe.settings, "missing", ""),
        )
    if not len(predictions.gold.rows):
        raise ValueError(Errors.L510.format(n=len(docs), name=name))
    rows = predictions.places
    raw = None
    if keeps_raw:
        raw = RawScores(*(numpy.concatenate(part)[rows] for part in zip(*raws)))
    return Evidence(
        pipe=pipe,
        taxonomy=taxonomy,
        docs=[docs[row] for row in rows],
        decisions=[decisions[row] for row in rows],
        predictions=predictions,
        raw=raw,
        columns=numpy.asarray([taxonomy.index[label] for label in pipe.labels]),
        n_read=len(docs),
        terms=numpy.concatenate(terms)[rows] if has_share else None,
    )


def remark_trained(n_trained: Optional[int], n_docs: int) -> List[Remark]:
    """RETURNS (List[Remark]): At most one, about documents that were trained on.

    n_trained (Optional[int]): See Evidence.count_trained.
    """
    if n_trained is None:
        text = "It isn't known whether the pipeline was trained on these texts."
        return [Remark("text", text)]
    if not n_trained:
        return []
    found = f"The pipeline was trained on {n_trained:,} of these {n_docs:,} texts"
    if n_trained < MIN_SHARE * n_docs:
        return [Remark("text", f"{found}.")]
    return [Remark("warn", f"{found}, so that the scores are too good. Take others.")]


@contextmanager
def run_after(
    nlp: Language, name: str, docs: List[Doc], raw: RawScores
) -> Iterator[List[Doc]]:
    """Let documents be as they are at the end of the pipeline for a while. The model
    isn't run again. All labels are in `doc.cats`, whatever 'cats_top_k' is.

    docs (List[Doc]): As the component gets them.
    raw (RawScores): What the component finds in them.
    """
    pipe: Any = nlp.get_pipe(name)
    before = [dict(doc.cats) for doc in docs]
    with pipe.kind.write_all_cats():
        pipe.set_annotations(docs, pipe.apply_settings(raw))
        done = run_pipes(nlp, docs, find_later(nlp, name))
    try:
        yield done
    finally:
        for doc, cats in zip(done, before):
            doc.cats = cats
