from typing import Any, Iterable, List, NamedTuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ...errors import Errors
from ...evaluation.evidence import ProgressT, run_before
from ...pipeline.decision import KEY
from ...pipeline.settings import PriorT
from ...pipeline.textcat import RawScores, write_all_cats
from ...scoring.multilabel import Answers, get_answers
from ...taxonomy import Taxonomy
from ..settings import find_fallback
from .later import find_changers, find_later
from .settings import try_settings


class Finding(NamedTuple):
    """What comes out at the end of a pipeline.

    scores (numpy.ndarray): Probabilities in `doc.cats`, whatever 'cats_top_k' leaves
        of them there, of shape (docs, labels).
    has_abstained (numpy.ndarray): Whether a document is left without any label,
        whatever their probabilities, of shape (docs,).
    """

    scores: numpy.ndarray
    has_abstained: numpy.ndarray


class Evidence(NamedTuple):
    """What a pipeline finds in documents with gold labels.

    pipe (Any): The component.
    taxonomy (Taxonomy): Of the pipeline, with labels that were added at run time.
    docs (List[Doc]): As they were before the component.
    answers (Answers): Gold labels, and the probabilities that the pipeline gives.
    has_abstained (numpy.ndarray): See Finding.
    columns (numpy.ndarray): Where the component's labels are among those of answers.
    raw (RawScores): What the component finds, before prior and temperature.
    later (List[str]): Components after it that change its probabilities.
    """

    pipe: Any
    taxonomy: Taxonomy
    docs: List[Doc]
    answers: Answers
    has_abstained: numpy.ndarray
    columns: numpy.ndarray
    raw: RawScores
    later: List[str]

    @property
    def n_ignored(self) -> int:
        """RETURNS (int): Documents about which nothing is known."""
        return int(numpy.isnan(self.answers.truths).all(axis=1).sum())

    def select(self, rows: numpy.ndarray) -> "Evidence":
        """RETURNS (Evidence): That of some documents."""
        truths, scores = self.answers.truths[rows], self.answers.scores[rows]
        return self._replace(
            docs=[self.docs[row] for row in rows.tolist()],
            answers=self.answers._replace(truths=truths, scores=scores),
            has_abstained=self.has_abstained[rows],
            raw=RawScores(self.raw.logits[rows], self.raw.similarity[rows]),
        )

    def get_probabilities(self, prior: PriorT, temperature: float) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): As the component would predict, of shape (docs,
        labels). Labels that aren't its own have 0.0.
        """
        logits = (self.raw.logits + self.pipe.get_bias(prior)) / temperature
        P = numpy.zeros((len(logits), len(self.answers.labels)))
        P[:, self.columns] = self.pipe.get_probabilities(logits)
        return P

    def get_thresholds(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The present threshold of each label and document,
        2.0 where the document has abstained, of shape (docs, labels).
        """
        thresholds = self.pipe.get_thresholds(self.answers.labels)
        return self.raise_thresholds(thresholds)

    def raise_thresholds(self, thresholds: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): See get_thresholds. thresholds: (labels,)."""
        return numpy.where(self.has_abstained[:, None], 2.0, thresholds)


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
    taxonomy = find_taxonomy(nlp, name)
    kept: List[Example] = []
    raws: List[RawScores] = []
    found: List[Finding] = []
    for batch in minibatch(progress(examples), nlp.batch_size):
        docs = run_before(nlp, name, [eg.predicted for eg in batch])
        raws.append(pipe.get_raw_scores(docs))
        found.append(predict_finally(nlp, name, docs, raws[-1]))
        kept += [Example(doc, eg.reference) for doc, eg in zip(docs, batch)]
    answers = get_answers(kept, taxonomy, name, pipe.settings.missing)
    if not (answers.truths == 1.0).any():
        raise ValueError(Errors.L510.format(n=len(kept), name=name))
    scores = numpy.zeros(answers.truths.shape)
    scores[:, : len(taxonomy.leaves)] = numpy.concatenate([p.scores for p in found])
    evidence = Evidence(
        pipe=pipe,
        taxonomy=taxonomy,
        docs=[eg.predicted for eg in kept],
        answers=answers._replace(scores=scores),
        has_abstained=numpy.concatenate([part.has_abstained for part in found]),
        columns=numpy.asarray([taxonomy.index[label] for label in pipe.labels]),
        raw=RawScores(*map(numpy.concatenate, zip(*raws))),
        later=[],
    )
    own = evidence.get_probabilities(pipe.prior, pipe.temperature)
    is_same = numpy.allclose(own, scores, atol=1e-5)
    is_changed = not is_same or bool(evidence.has_abstained.any())
    return evidence._replace(later=find_changers(nlp, name, is_changed=is_changed))


def predict_finally(
    nlp: Language, name: str, docs: List[Doc], raw: RawScores
) -> Finding:
    """Find what documents have at the end of the pipeline. The model isn't run again,
    and `doc.cats` stays as it is.

    docs (List[Doc]): As they are before the component.
    RETURNS (Finding): For the labels of find_taxonomy.
    """
    pipe: Any = nlp.get_pipe(name)
    prediction, later = pipe.apply_settings(raw), find_later(nlp, name)
    if not later:
        return Finding(prediction.probabilities, numpy.zeros(len(docs), dtype=bool))
    before = [dict(doc.cats) for doc in docs]
    with write_all_cats(pipe), nlp.select_pipes(enable=later):
        pipe.set_annotations(docs, prediction)
        docs = list(nlp.pipe(docs))
    scores = read_scores(docs, find_taxonomy(nlp, name).leaves)
    has_abstained = [doc.user_data[KEY]["label"] is None for doc in docs]
    for doc, cats in zip(docs, before):
        doc.cats = cats
    return Finding(scores, numpy.asarray(has_abstained, dtype=bool))


def predict_again(
    nlp: Language, name: str, evidence: Evidence, prior: PriorT, temperature: float
) -> Evidence:
    """Find what comes out of the pipeline under another prior and temperature. Only
    components that come later run again, and those of the pipeline stay as they are.

    RETURNS (Evidence): With the probabilities of the whole pipeline.
    """
    if not evidence.later:
        scores = evidence.get_probabilities(prior, temperature)
        return evidence._replace(answers=evidence.answers._replace(scores=scores))
    found: List[Finding] = []
    with try_settings(evidence.pipe, prior, temperature):
        for rows in minibatch(range(len(evidence.docs)), nlp.batch_size):
            part = evidence.select(numpy.asarray(rows))
            found.append(predict_finally(nlp, name, part.docs, part.raw))
    scores = numpy.zeros(evidence.answers.truths.shape)
    final = numpy.concatenate([part.scores for part in found])
    scores[:, : final.shape[1]] = final
    return evidence._replace(
        answers=evidence.answers._replace(scores=scores),
        has_abstained=numpy.concatenate([part.has_abstained for part in found]),
    )


def find_taxonomy(nlp: Language, name: str) -> Taxonomy:
    """RETURNS (Taxonomy): The label tree of a component or, with the labels that were
    added at run time, of its fallback.
    """
    fallback = find_fallback(nlp, name)
    pipe: Any = nlp.get_pipe(name if fallback is None else fallback)
    return pipe.taxonomy


def read_scores(docs: Iterable[Doc], labels: Iterable[str]) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): What `doc.cats` has for each label, or 0.0, of shape
    (docs, labels).
    """
    labels = list(labels)
    rows = [[doc.cats.get(label, 0.0) for label in labels] for doc in docs]
    return numpy.asarray(rows, dtype="float64").reshape(-1, len(labels))
