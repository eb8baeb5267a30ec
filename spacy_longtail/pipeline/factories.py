import inspect
from typing import Any, Callable, Dict, List, Optional, Type

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..settings import CheckedSettings
from ..taxonomy import Taxonomy
from .fallback.component import ZeroShotFallback
from .fallback.settings import FallbackSettings
from .kinds.base import LabelKind
from .kinds.exclusive import ExclusiveLabels
from .kinds.multilabel import MultilabelLabels
from .textcat import TextCategorizer

KINDS: Dict[str, Type[LabelKind]] = {
    kind.name: kind for kind in (ExclusiveLabels, MultilabelLabels)
}
ASSIGNS = ["doc.cats", "doc._.longtail"]
MODEL = {
    "@architectures": "spacy-longtail.TaxonomyTextCat.v1",
    "encoder": {
        "@architectures": "spacy-longtail.StaticBag.v1",
        "vectors": {"@misc": "spacy-longtail.BundledVectors.v1"},
    },
    "output": {"@layers": "spacy-longtail.PrototypeSoftmax.v1"},
}


def make_weights(best: str, shown: str, kept: str) -> Dict[str, Optional[float]]:
    """Make the default score weights of a component from names of scores.

    best (str): Chooses the best model. shown (str): Printed while training. kept (str):
        Only in the meta of the pipeline.
    """
    weights = {best: 1.0, **dict.fromkeys(shown.split(), 0.0)}
    weights.update(dict.fromkeys(kept.split()))  # type: ignore[arg-type]
    return {f"longtail_{name}": weight for name, weight in weights.items() if name}


EXCLUSIVE_WEIGHTS = make_weights(
    "macro_f",
    "head_f mid_f tail_f accuracy coarse_accuracy",
    "hier_p hier_r hier_f coverage other_recall ece f_per_label",
)
MULTILABEL_WEIGHTS = make_weights(
    "macro_ap",
    "macro_f micro_f head_f mid_f tail_f lrap",
    "micro_p micro_r p_at_1 p_at_3 p_at_5 ndcg_at_1 ndcg_at_3 ndcg_at_5 psp_at_1 "
    "psp_at_3 psp_at_5 f_per_label",
)
FALLBACK_WEIGHTS = make_weights("", "refined_gain", "refined_fixed refined_broken")


def takes_settings(settings: Type[CheckedSettings]) -> Callable[[Callable], Callable]:
    """Give a factory the settings of its component as arguments: they stand in its
    signature, in place of **settings, for the config to be checked with.
    """

    def decorate(factory: Callable) -> Callable:
        found = inspect.signature(factory)
        own = [p for p in found.parameters.values() if p.kind is not p.VAR_KEYWORD]
        configured = [
            inspect.Parameter(
                part.name, inspect.Parameter.KEYWORD_ONLY, annotation=part.type
            )
            for part in settings.get_configured()
        ]
        signature = found.replace(parameters=[*own, *configured])
        factory.__signature__ = signature  # type: ignore[attr-defined]
        factory.settings_type = settings  # type: ignore[attr-defined]
        return factory

    return decorate


@Language.factory(
    "longtail_textcat",
    assigns=ASSIGNS,
    default_config={
        **ExclusiveLabels.settings_type.get_config(),
        "scorer": {"@scorers": "spacy-longtail.longtail_scorer.v1"},
        "loss": {"@losses": "spacy-longtail.LogitAdjusted.v1", "tau": 1.0},
        "model": MODEL,
    },
    default_score_weights=EXCLUSIVE_WEIGHTS,
)
@takes_settings(ExclusiveLabels.settings_type)
def make_longtail_textcat(
    nlp: Language,
    name: str,
    model: Model[List[Doc], Floats2d],
    loss: Callable[[Taxonomy], Any],
    scorer: Optional[Callable],
    **settings: Any,
) -> TextCategorizer:
    """Assign each document one label of a hierarchy with a long tail.

    Writes the joint probability of every label to `doc.cats` and the decision to
    `doc._.longtail`. Labels with few examples are trained as one class, the Other of
    their parent, and predicted one by one all the same.

    model (Model[List[Doc], Floats2d]): Documents to logits over the leaves, with the
        references "encoder" and "output".
    loss (Callable[[Taxonomy], Any]): Builds the loss once the labels are known.
    scorer (Optional[Callable]): Scoring method.
    RAISES (ValueError): L004, L005, L306 to L308 or L312 if a setting is out of range.
    """
    kind = ExclusiveLabels(name, ExclusiveLabels.settings_type(**settings))
    return TextCategorizer(nlp.vocab, model, name, kind=kind, loss=loss, scorer=scorer)


@Language.factory(
    "longtail_textcat_multilabel",
    assigns=ASSIGNS,
    default_config={
        **MultilabelLabels.settings_type.get_config(),
        "scorer": {"@scorers": "spacy-longtail.longtail_multilabel_scorer.v1"},
        "loss": {"@losses": "spacy-longtail.BinaryLogitAdjusted.v1", "tau": 1.0},
        "model": MODEL,
    },
    default_score_weights=MULTILABEL_WEIGHTS,
)
@takes_settings(MultilabelLabels.settings_type)
def make_longtail_textcat_multilabel(
    nlp: Language,
    name: str,
    model: Model[List[Doc], Floats2d],
    loss: Callable[[Taxonomy], Any],
    scorer: Optional[Callable],
    **settings: Any,
) -> TextCategorizer:
    """Assign each document any number of labels of a hierarchy with a long tail.

    Writes the probability of every label, independent of the others, to `doc.cats` and
    the decision to `doc._.longtail`, whose `labels` are those above their threshold.
    Labels with few examples are trained as one class per parent, its Other: whether the
    document has some label that is pooled there.

    model (Model[List[Doc], Floats2d]): Documents to logits over the leaves, with the
        references "encoder" and "output". The output's logits have to be independent.
    loss (Callable[[Taxonomy], Any]): Builds a binary loss once the labels are known.
    scorer (Optional[Callable]): Scoring method.
    RAISES (ValueError): L004, L005, L306 to L308, L312, L313, L320 or L323 if a setting
        is out of range.
    """
    kind = MultilabelLabels(name, MultilabelLabels.settings_type(**settings))
    return TextCategorizer(nlp.vocab, model, name, kind=kind, loss=loss, scorer=scorer)


@Language.factory(
    "zero_shot_fallback",
    assigns=ASSIGNS,
    default_config={
        "source": ExclusiveLabels.factory,
        **FallbackSettings.get_config(),
        "max_examples": 20,
        "gate": None,
        "scorer": {"@scorers": "spacy-longtail.longtail_scorer.v1"},
        "ranker": {"@misc": "spacy-longtail.PrototypeRanker.v1"},
    },
    default_score_weights=FALLBACK_WEIGHTS,
)
@takes_settings(FallbackSettings)
def make_zero_shot_fallback(
    nlp: Language,
    name: str,
    ranker: Any,
    gate: Optional[Any],
    source: str,
    max_examples: int,
    scorer: Optional[Callable],
    **settings: Any,
) -> ZeroShotFallback:
    """Create the component, see ZeroShotFallback."""
    return ZeroShotFallback(
        nlp,
        ranker,
        name,
        gate=gate,
        source=source,
        settings=FallbackSettings(**settings),
        max_examples=max_examples,
        scorer=scorer,
    )
