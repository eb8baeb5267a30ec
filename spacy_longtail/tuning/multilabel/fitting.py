import math
from functools import partial
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

import numpy
from spacy.language import Language

from ...fitting.thresholds import fit_thresholds
from ...pipeline.settings import PriorT
from ..provenance import recall
from ..settings import Wish
from .calibration import fit_prior_and_temperature, fit_temperature
from .evidence import Evidence
from .settings import MultilabelSettings

NAMES: Dict[PriorT, PriorT] = {0.0: "uniform", 1.0: "train"}
# Of a document and a label, for prior and temperature.
MAX_PAIRS = 1_000_000
CALLBACK = "spacy-longtail.fit_thresholds.v1"
# From probabilities and truths to the threshold of each label.
FitT = Callable[[numpy.ndarray, numpy.ndarray], numpy.ndarray]


def fit_first_stage(
    evidence: Evidence, wish: Wish, before: MultilabelSettings
) -> Tuple[PriorT, float]:
    """Find the prior and the temperature that are best for documents, as if the
    component were alone.

    before (MultilabelSettings): The prior stays unless there is a reason.
    RETURNS (Tuple[PriorT, float]): See tune_multilabel.
    """
    part = _thin_out(evidence)
    get_probabilities, truths = part.get_probabilities, part.answers.truths
    prior = before.prior if wish.prior is None else wish.prior
    if wish.prior is None and wish.goal != "macro":
        prior, _ = fit_prior_and_temperature(get_probabilities, truths)
    heat, _ = fit_temperature(partial(get_probabilities, prior), truths)
    return NAMES.get(prior, prior), heat


def fit_last(
    evidence: Evidence, wish: Wish, prior: PriorT, temperature: float
) -> MultilabelSettings:
    """Find the thresholds that are best for the probabilities at the end of the
    pipeline.

    evidence (Evidence): Under the prior and the temperature, see predict_again.
    RETURNS (MultilabelSettings): All settings.
    """
    fit = partial(fit_wished, wish=wish)
    values = fit_own(evidence, evidence.answers.scores, fit)
    # Digits that JSON keeps, see fit_temperature.
    thresholds = dict(zip(evidence.pipe.labels, values.round(8).tolist()))
    return MultilabelSettings(prior, temperature, thresholds)


def _thin_out(evidence: Evidence) -> Evidence:
    """Take some of the documents if there are more than two numbers need."""
    n_docs, n_labels = evidence.answers.truths.shape
    step = math.ceil(max(n_docs * n_labels, 1) / MAX_PAIRS)
    return evidence.select(numpy.arange(0, n_docs, step))


def fit_own(evidence: Evidence, P: numpy.ndarray, fit: FitT) -> numpy.ndarray:
    """Fit the thresholds of the component's labels. Documents that have abstained are
    given none, whatever the threshold.

    P (numpy.ndarray): Probabilities of shape (docs, labels).
    RETURNS (numpy.ndarray): In the order of the component, of shape (leaves,).
    """
    P = numpy.where(evidence.has_abstained[:, None], 0.0, P)[:, evidence.columns]
    return fit(P, evidence.answers.truths[:, evidence.columns])


def fit_wished(P: numpy.ndarray, truths: numpy.ndarray, wish: Wish) -> numpy.ndarray:
    """Find the threshold of each label. For "accuracy" there is one for all, with the
    best micro-F1 or the wished precision of all labels given.

    RETURNS (numpy.ndarray): Of shape (labels,).
    """
    if wish.goal != "accuracy" or wish.per_label:
        return fit_thresholds(P, truths, precision=wish.precision)
    is_known = ~numpy.isnan(truths)
    # The F1 of a single label that each pair has or hasn't is the micro-F1.
    pairs = (values[is_known][:, None] for values in (P, truths))
    found = fit_thresholds(*pairs, precision=wish.precision, smoothing=0.0)
    return numpy.repeat(found, P.shape[1])


def spread(evidence: Evidence, thresholds: Dict[str, float]) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Threshold of each label and document, see
    Evidence.get_thresholds. Labels that aren't the component's keep theirs.
    """
    values = evidence.pipe.get_thresholds(evidence.answers.labels)
    values[evidence.columns] = [thresholds[label] for label in evidence.pipe.labels]
    return evidence.raise_thresholds(values)


class EarlierFit(NamedTuple):
    """How thresholds were fitted to documents before.

    fit (FitT): How.
    by (str): "tune" or "training".
    """

    fit: FitT
    by: str


def find_earlier_fit(
    nlp: Language, name: str, evidence: Evidence, before: MultilabelSettings
) -> Optional[EarlierFit]:
    """Find out whether the present thresholds were fitted to these very documents, by
    an earlier tuning, which is noted, or as the training config says, which is tried
    out. What they score is too good then.

    RETURNS (Optional[EarlierFit]): None if nothing is known of that.
    """
    wish = recall(nlp, name, evidence.docs, before)
    if wish is not None:
        return EarlierFit(partial(fit_wished, wish=wish), "tune")
    method = partial(fit_thresholds, **_read_callback(nlp, name))
    found = fit_own(evidence, evidence.answers.scores, method)
    now = list(before.thresholds.values())
    # The last digits of a probability can depend on the machine.
    is_same = numpy.isclose(found, now, rtol=0.0, atol=1e-3).mean() > 0.9
    return EarlierFit(method, "training") if is_same else None


def _read_callback(nlp: Language, name: str) -> Dict[str, Any]:
    block = nlp.config["training"].get("before_to_disk") or {}
    if block.get("@callbacks") != CALLBACK or block.get("component", name) != name:
        return {}
    return {key: block[key] for key in ("precision", "smoothing") if key in block}
