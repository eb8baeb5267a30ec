from dataclasses import dataclass, field
from typing import Container, Dict, List, Optional, Sequence, Tuple

import numpy
import srsly
from spacy.tokens import Doc

from ..errors import Errors
from ..questions import LabelCard, Question, Ranking
from ..saved import check_texts, check_type, read_msgpack
from .base import EncodeT, LabelRanker, check_numbers, check_same
from .transformer import LocalTransformer

NAME = "NLIRanker"
# A candidate that there was no time for is that far below the worst of the others.
GAP = 5.0


@dataclass(eq=False)
class NLIRanker(LabelRanker):
    """Asks an entailment model whether a document means a label, for each label on
    its own, so that it can find that none fits. See make_nli_ranker for the settings.

    hypotheses (Dict[str, str]): What is asked for each label.
    n_pairs (int): How often it has asked.
    """

    transformer: LocalTransformer
    template: str
    max_pairs: int
    batch_size: int
    max_length: int
    weight: float
    hypotheses: Dict[str, str] = field(default_factory=dict)
    n_pairs: int = 0

    def load(self) -> None:
        self._get_class()

    def set_labels(
        self, cards: Sequence[LabelCard], encode: EncodeT, *, only_added: bool = False
    ) -> None:
        # A description takes the place of the name.
        hypotheses = {
            card.label: self.template.format(card.names[-1].text) for card in cards
        }
        self.transformer.check_pairs(hypotheses.values(), max_length=self.max_length)
        self.hypotheses = hypotheses

    def rank(self, question: Question) -> Ranking:
        docs, candidates, prior, added, best = question
        # The candidates that the first stage thinks most of are asked about, run-time
        # labels and their rival before.
        wanted: List[List[str]] = []
        for labels, chances, rival in zip(candidates, prior, best):
            ranked = [labels[i] for i in numpy.argsort(-chances, kind="stable")]
            rivals = [*added, rival] if added else []
            chosen = list(dict.fromkeys([*rivals, *ranked]))
            wanted.append(chosen[: max(self.max_pairs, len(rivals))])
        odds = self._ask(docs, wanted)
        scores, margins = [], []
        for labels, rival, found in zip(candidates, best, odds):
            floor = min(found.values(), default=0.0) - GAP
            scores.append(numpy.asarray([found.get(label, floor) for label in labels]))
            # Against the best known label, and against none of them.
            margins.append([min(found[a] - found[rival], found[a]) for a in added])
        return Ranking(scores, numpy.asarray(margins) if added else None, None, 0.0)

    def _ask(self, docs: List[Doc], wanted: List[List[str]]) -> List[Dict[str, float]]:
        """Find the log odds of entailment, in batches across documents."""
        pairs = [(row, label) for row, labels in enumerate(wanted) for label in labels]
        self.n_pairs += len(pairs)
        entailment, contradiction = self._get_class()
        odds: List[Dict[str, float]] = [{} for _ in docs]
        pairs.sort(key=lambda pair: len(docs[pair[0]].text))
        for start in range(0, len(pairs), self.batch_size):
            batch = pairs[start : start + self.batch_size]
            values = numpy.full(len(batch), -numpy.inf)
            texts = [docs[row].text for row, _ in batch]
            asked = [self.hypotheses[label] for _, label in batch]
            outputs = self.transformer.run(texts, asked, max_length=self.max_length)
            for output, _, owners in outputs:
                logits = output.logits.float().cpu().numpy()
                found = self.weight * (logits[:, entailment] - logits[:, contradiction])
                # A long text means what any of its windows means.
                numpy.maximum.at(values, owners, found)
            for (row, label), value in zip(batch, values):
                odds[row][label] = float(value)
        return odds

    def _get_class(self) -> Tuple[int, int]:
        """Find the classes "entailment" and "contradiction", or what isn't entailment.

        RAISES (ValueError): L403 if there is no entailment class.
        """
        _, _, model = self.transformer.load()
        names = {int(i): str(name).lower() for i, name in model.config.id2label.items()}
        yes = [i for i, n in names.items() if n.startswith("entail")]
        no = [i for i, n in names.items() if n.startswith("contra")]
        no = no or [i for i, n in names.items() if n.startswith(("not", "non"))]
        if len(yes) != 1 or not no:
            path, found = self.transformer.path, list(names.values())
            raise ValueError(Errors.L403.format(path=path, found=found))
        return yes[0], no[0]

    def to_bytes(self) -> bytes:
        return srsly.msgpack_dumps(self.hypotheses)

    def from_bytes(self, data: bytes) -> None:
        found = check_type(read_msgpack(data), dict, "the ranker")
        check_texts([*found, *found.values()], "the ranker")
        self.hypotheses = found

    def check_labels(self, labels: Sequence[str], pooled: Container[str]) -> None:
        check_same(self.hypotheses, labels)


def make_nli_ranker(
    *,
    path: str,
    template: str = "This text is about {}.",
    max_pairs: int = 10,
    batch_size: int = 32,
    max_length: int = 256,
    weight: float = 1.0,
    device: Optional[str] = None,
) -> NLIRanker:
    """Make a ranker that asks a cross-encoder for natural language inference.

    Registered as "spacy-longtail.NLIRanker.v1". Needs the extra "embeddings".

    Source: Yin et al. (2019), "Benchmarking Zero-shot Text Classification: Datasets,
        Evaluation and Entailment Approach". https://arxiv.org/abs/1909.00161

    path (str): Folder of the model, its name on the hub, or an installed package.
    template (str): The hypothesis, "{}" stands for a label's description or name.
    max_pairs (int): Labels that are asked about per document, from 1; those that the
        first stage thinks most of.
    batch_size (int): Pairs that are asked about together, across documents.
    max_length (int): Most word pieces of a pair. A longer text is read in windows, of
        which the one that means the label most decides.
    weight (float): Log odds per log odds of the model, from 0.0.
    device (Optional[str]): For example "cuda:0". None takes a GPU if spaCy uses one.
    RAISES (ValueError): L405 if a setting is out of range, L408 if the template has
        no place for a label.
    """
    check_numbers(NAME, batch_size=batch_size, max_length=max_length, weight=weight)
    check_numbers(NAME, max_pairs=max_pairs - 1)
    if template.count("{}") != 1:
        raise ValueError(Errors.L408.format(template=template))
    kind = "AutoModelForSequenceClassification"
    transformer = LocalTransformer(path, kind, NAME, device)
    return NLIRanker(transformer, template, max_pairs, batch_size, max_length, weight)
