from typing import Any, Iterable, List, NamedTuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ...errors import Errors
from ...multilabel_scorer import Answers, get_answers
from ...pipeline.settings import PriorT
from ...pipeline.taxonomy_pipe import RawScores
from ..evidence import ProgressT, run_before
from ..settings import find_rivals


class Evidence(NamedTuple):
    """What a pipeline finds in documents whose labels are known at least in part.

    pipe (Any): The component.
    docs (List[Doc]): As they were before the component.
    answers (Answers): Gold labels, and the probabilities that the pipeline gives.
    raw (RawScores): What the component finds, before prior and temperature.
    later (List[str]): Components after it that change its probabilities.
    n_ignored (int): Documents left out, about which nothing is known.
    """

    pipe: Any
    docs: List[Doc]
    answers: Answers
    raw: RawScores
    later: List[str]
    n_ignored: int

    def select(self, rows: numpy.ndarray) -> "Evidence":
        """RETURNS (Evidence): That of some documents."""
        truths, scores = self.answers.truths[rows], self.answers.scores[rows]
        return self._replace(
            docs=[self.docs[row] for row in rows.tolist()],
            answers=self.answers._replace(truths=truths, scores=scores),
            raw=RawScores(self.raw.logits[rows], self.raw.closeness[rows]),
        )

    def get_probabilities(self, prior: PriorT, temperature: float) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): As the component would predict, of shape (docs,
        labels). Labels that training never saw have 0.0.
        """
        logits = (self.raw.logits + self.pipe.get_bias(prior)) / temperature
        return _widen(self.pipe.get_probabilities(logits), len(self.answers.labels))


def collect(
    nlp: Language,
    name: str,
    examples: Iterable[Example],
    *,
    progress: ProgressT = iter,
) -> Evidence:
    """Run a pipeline once, and keep what the model finds and what comes out at last.

    name (str): Name of the component, a longtail_textcat_multilabel.
    examples (Iterable[Example]): With gold labels.
    progress (ProgressT): Wraps the examples, for example tqdm.
    RETURNS (Evidence): In the order of the examples.
    RAISES (ValueError): L510 if no document has a gold label.
    """
    pipe: Any = nlp.get_pipe(name)
    kept: List[Example] = []
    raws: List[RawScores] = []
    finals: List[numpy.ndarray] = []
    for batch in minibatch(progress(examples), nlp.batch_size):
        docs = run_before(nlp, name, [eg.predicted for eg in batch])
        raws.append(pipe.get_raw_scores(docs))
        finals.append(predict_finally(nlp, name, docs, raws[-1]))
        kept += [Example(doc, eg.reference) for doc, eg in zip(docs, batch)]
    answers = get_answers(kept, pipe.taxonomy, name, pipe.cfg["missing"])
    rows = numpy.flatnonzero(~numpy.isnan(answers.truths).all(axis=1))
    if not (answers.truths == 1.0).any():
        raise ValueError(Errors.L510.format(n=len(kept), name=name))
    raw = RawScores(
        numpy.concatenate([part.logits for part in raws]),
        numpy.concatenate([part.closeness for part in raws]),
    )
    scores = _widen(numpy.concatenate(finals), len(answers.labels))
    found = Evidence(
        pipe=pipe,
        docs=[eg.predicted for eg in kept],
        answers=answers._replace(scores=scores),
        raw=raw,
        later=[],
        n_ignored=len(kept) - len(rows),
    ).select(rows)
    own = found.get_probabilities(pipe.prior, pipe.temperature)
    if numpy.allclose(own, found.answers.scores, atol=1e-5):
        return found
    later = find_later(nlp, name)
    writers = [p for p in later if "doc.cats" in nlp.get_pipe_meta(p).assigns]
    return found._replace(later=writers or later)


def predict_finally(
    nlp: Language, name: str, docs: List[Doc], raw: RawScores
) -> numpy.ndarray:
    """Find the probabilities that documents have at the end of the pipeline. The model
    isn't run again, and `doc.cats` stays as it is.

    docs (List[Doc]): As they are before the component.
    RETURNS (numpy.ndarray): Array of shape (docs, leaves).
    """
    pipe: Any = nlp.get_pipe(name)
    prediction, later = pipe.finish(raw), find_later(nlp, name)
    if not later:
        return prediction.probabilities
    before = [dict(doc.cats) for doc in docs]
    pipe.set_annotations(docs, prediction)
    with nlp.select_pipes(enable=later):
        docs = list(nlp.pipe(docs))
    scores = read_scores(docs, pipe.labels)
    for doc, cats in zip(docs, before):
        doc.cats = cats
    return scores


def find_later(nlp: Language, name: str) -> List[str]:
    """RETURNS (List[str]): What comes after a component, without those that write
    decisions of their own.
    """
    rivals = find_rivals(nlp, name)
    after = nlp.pipe_names[nlp.pipe_names.index(name) + 1 :]
    return [other for other in after if other not in rivals]


def read_scores(docs: Iterable[Doc], labels: Iterable[str]) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): What `doc.cats` has for each label, or 0.0, of shape
    (docs, labels).
    """
    labels = list(labels)
    rows = [[doc.cats.get(label, 0.0) for label in labels] for doc in docs]
    return numpy.asarray(rows, dtype="float64").reshape(-1, len(labels))


def _widen(P: numpy.ndarray, n_columns: int) -> numpy.ndarray:
    return numpy.pad(P, ((0, 0), (0, n_columns - P.shape[1]))).astype("float64")
