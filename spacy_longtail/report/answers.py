from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy
from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch

from ..errors import Errors
from ..evaluation.evidence import ProgressT
from ..pipeline.decision import KEY
from ..pipeline.textcat import write_all_cats
from ..scoring.exclusive import ABSTAINED, get_gold_labels, longtail_score
from ..scoring.metrics import Guesses
from ..taxonomy import Taxonomy
from ..tuning.settings import find_rivals


@dataclass(frozen=True)
class Answer:
    """What the pipeline says about a document with a gold label.

    gold (str): The gold label.
    gold_probability (float): What `doc.cats` has for it, summed below an inner node.
    decision (Dict[str, Any]): See Decision.
    """

    text: str
    gold: str
    gold_probability: float
    decision: Dict[str, Any]

    @property
    def label(self) -> Optional[str]:
        """RETURNS (Optional[str]): The predicted label, None after abstention."""
        return self.decision["label"]

    @property
    def first_choice(self) -> Tuple[str, float]:
        """RETURNS (Tuple[str, float]): The most probable label, given or not."""
        label, probability = self.decision["candidates"][0]
        return label, probability


@dataclass(frozen=True)
class Answers:
    """All of them, with the scores of the scorer.

    taxonomy (Taxonomy): With the labels that the gold data have in addition.
    """

    taxonomy: Taxonomy
    answers: List[Answer]
    scores: Dict[str, Any]
    n_docs: int

    @property
    def on_leaves(self) -> List[Answer]:
        """RETURNS (List[Answer]): Those whose gold label isn't an inner node."""
        inner = self.taxonomy.ranges.keys() - self.taxonomy.index.keys()
        return [answer for answer in self.answers if answer.gold not in inner]

    def get_guesses(self) -> Tuple[Tuple[str, ...], Guesses]:
        """RETURNS (Tuple[Tuple[str, ...], Guesses]): Names of the indices, and what was
        predicted for documents with a leaf as gold label.
        """
        answers, ids = self.on_leaves, dict(self.taxonomy.index)
        gold = [ids.setdefault(a.gold, len(ids)) for a in answers]
        guess = [
            ABSTAINED if a.label is None else ids.setdefault(a.label, len(ids))
            for a in answers
        ]
        confidence = [a.decision["probability"] for a in answers]
        arrays = (numpy.asarray(gold), numpy.asarray(guess), numpy.asarray(confidence))
        return tuple(ids), Guesses(*arrays)


def collect_answers(
    nlp: Language,
    name: str,
    examples: Iterable[Example],
    *,
    head: int,
    mid: int,
    progress: ProgressT = iter,
) -> Answers:
    """Run a pipeline over a corpus.

    name (str): Name of the longtail_textcat. Others are left out.
    examples (Iterable[Example]): With gold labels.
    head, mid (int): See the scorer.
    RETURNS (Answers): For the documents with a gold label.
    RAISES (ValueError): L510 if there are none.
    """
    pipe: Any = nlp.get_pipe(name)
    taxonomy: Taxonomy = pipe.taxonomy
    done: List[Example] = []
    shares: List[float] = []
    with write_all_cats(pipe), nlp.select_pipes(disable=find_rivals(nlp, name)):
        for batch in minibatch(progress(examples), nlp.batch_size):
            docs = nlp.pipe([example.predicted for example in batch])
            batch = [Example(doc, eg.reference) for doc, eg in zip(docs, batch)]
            for eg, gold in zip(batch, get_gold_labels(batch, taxonomy)):
                shares.append(_get_share(eg.predicted.cats, gold, taxonomy))
                # Thousands of labels for each of thousands of documents are too much.
                cats = eg.predicted.cats
                foreign = {k: v for k, v in cats.items() if k not in taxonomy.index}
                eg.predicted.cats = foreign
            done += batch
    labels = get_gold_labels(done, taxonomy)
    answers = [
        Answer(eg.reference.text, label, share, eg.predicted.user_data[KEY])
        for eg, label, share in zip(done, labels, shares)
        if label is not None
    ]
    if not any(answer.gold for answer in answers):
        raise ValueError(Errors.L510.format(n=len(done), name=name))
    scores = longtail_score(done, taxonomy=taxonomy, pipe=name, head=head, mid=mid)
    return Answers(taxonomy, answers, scores, len(done))


def _get_share(cats: Dict[str, float], gold: Optional[str], tree: Taxonomy) -> float:
    if gold is None:
        return 0.0
    if gold in tree.index or gold not in tree.ranges:
        return float(cats.get(gold, 0.0))
    leaves = tree.leaves[slice(*tree.ranges[gold])]
    return float(sum(cats.get(leaf, 0.0) for leaf in leaves))
