from typing import Iterable, List, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ...evaluation.evidence import ProgressT
from ...scoring.multilabel import Answers
from ...taxonomy import Taxonomy
from ...tuning.multilabel.evidence import collect
from ...tuning.multilabel.metrics import Guesses, make_guesses


class MultilabelAnswers(NamedTuple):
    """What the pipeline says about documents with gold labels.

    taxonomy (Taxonomy): Of the pipeline, with labels that were added at run time.
    texts (List[str]): Of the documents.
    answers (Answers): Gold labels and probabilities.
    thresholds (numpy.ndarray): Of each label, of shape (labels,).
    guesses (Guesses): Labels that the documents have, and that they were given.
    n_ignored (int): Documents about which nothing is known.
    """

    taxonomy: Taxonomy
    texts: List[str]
    answers: Answers
    thresholds: numpy.ndarray
    guesses: Guesses
    n_ignored: int

    @property
    def labels(self) -> List[str]:
        """RETURNS (List[str]): Those of the component, then those it never saw."""
        return self.answers.labels

    @property
    def ones(self) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): A weighting of all documents alike, (1, docs)."""
        return numpy.ones((1, len(self.texts)))


def collect_answers(
    nlp: Language,
    name: str,
    examples: Iterable[Example],
    *,
    progress: ProgressT = iter,
) -> MultilabelAnswers:
    """Run a pipeline over a corpus.

    name (str): Name of the longtail_textcat_multilabel.
    examples (Iterable[Example]): With gold labels.
    RETURNS (MultilabelAnswers): In the order of the examples.
    RAISES (ValueError): L510 if there are none.
    """
    evidence = collect(nlp, name, examples, progress=progress)
    answers = evidence.answers
    limits = evidence.get_thresholds()
    return MultilabelAnswers(
        taxonomy=evidence.taxonomy,
        texts=[doc.text for doc in evidence.docs],
        answers=answers,
        thresholds=evidence.pipe.get_thresholds(answers.labels),
        guesses=make_guesses(answers.truths, answers.scores, limits),
        n_ignored=evidence.n_ignored,
    )
