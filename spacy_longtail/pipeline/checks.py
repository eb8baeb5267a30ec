"""Check the parts that a config gives a component, before anything is trained."""

from typing import Any, Callable, Dict, List, NamedTuple, NoReturn

import numpy
from thinc.api import get_current_ops

from ..errors import Errors
from ..questions import check_rankers
from ..taxonomy import Taxonomy

PREFIX = "longtail_"
# Labels of different frequency, that no Other pools.
LABELS = Taxonomy(("a", "b", "c"), (4, 2, 1), n_docs=9)
LOGITS = (0.3, -1.2, 0.7)


class Needed(NamedTuple):
    """What a message says about a part that a component needs.

    example (str): Its registered name by default.
    """

    name: str
    factory: str
    example: str


def refuse_loss(found: Any, needed: Needed) -> NoReturn:
    """RAISES (ValueError): L345."""
    text = Errors.L345.format(
        found=f"{found!s:.200}",
        name=needed.name,
        factory=needed.factory,
        example=needed.example,
    )
    raise ValueError(text) from None


def try_loss(
    make_loss: Callable[[Taxonomy], Any], truths: List[float], needed: Needed
) -> numpy.ndarray:
    """Ask a loss about one document.

    truths (List[float]): What it has of three labels.
    needed (Needed): For the message.
    RETURNS (numpy.ndarray): Gradient of the logits, of shape (3,).
    RAISES (ValueError): L345 if it's none that a component can be trained with.
    """
    ops = get_current_ops()
    try:
        loss = make_loss(LABELS)
        if len(loss.log_prior) != len(LOGITS):
            raise TypeError("its 'log_prior' isn't one number for each label")
        # That of other labels can make something of a NaN that isn't a number.
        with numpy.errstate(all="ignore"):
            gradient, _ = loss(ops.asarray2f([LOGITS]), ops.asarray2f([truths]))
        return ops.to_numpy(gradient).reshape(len(LOGITS))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        refuse_loss(f"{make_loss!r:.80} ({error})", needed)


def check_scorer(scorer: Any, key: str, needed: Needed) -> None:
    """Try a scorer without documents.

    scorer (Any): None is fine, too.
    key (str): A score that only those for such labels give. Others than ours may do
        what they like.
    RAISES (ValueError): L346 if it isn't a scorer, or one for other labels.
    """
    if scorer is None:
        return
    try:
        given: Dict[str, Any] = {"labels": [], "taxonomy": None, "thresholds": {}}
        scores = scorer([], pipe=needed.name, **given)
        if any(name.startswith(PREFIX) for name in scores) and key not in scores:
            raise TypeError(f"it doesn't give {key!r}")
    except (AttributeError, TypeError) as error:
        found = f"{scorer!r:.80} ({error})"
        text = Errors.L346.format(
            found=found,
            name=needed.name,
            factory=needed.factory,
            example=needed.example,
        )
        raise ValueError(text) from None


def check_second_stage(
    name: str, ranker: Any, gate: Any, scorer: Any, max_examples: Any
) -> None:
    """Check the parts of a fallback.

    RAISES (ValueError): L337, L346 or L347.
    """
    if not isinstance(max_examples, int) or max_examples < 0:
        text = Errors.L337.format(name="max_examples", value=max_examples)
        raise ValueError(text)
    check_rankers(name, ranker=ranker, gate=gate or ranker)
    example = "spacy-longtail.longtail_scorer.v1"
    needed = Needed(name, "zero_shot_fallback", example)
    check_scorer(scorer, "longtail_refined_gain", needed)
