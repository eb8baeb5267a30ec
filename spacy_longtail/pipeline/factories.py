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

# 1.0 chooses the best model, 0.0 is shown while training, None is kept in the meta.
EXCLUSIVE_WEIGHTS: Dict[str, Optional[float]] = {
    "longtail_macro_f": 1.0,
    "longtail_head_f": 0.0,
    "longtail_mid_f": 0.0,
    "longtail_tail_f": 0.0,
    "longtail_accuracy": 0.0,
    "longtail_coarse_accuracy": 0.0,
    "longtail_hier_p": None,
    "longtail_hier_r": None,
    "longtail_hier_f": None,
    "longtail_coverage": None,
    "longtail_other_recall": None,
    "longtail_ece": None,
    "longtail_f_per_label": None,
}
MULTILABEL_WEIGHTS: Dict[str, Optional[float]] = {
    "longtail_macro_ap": 1.0,
    "longtail_macro_f": 0.0,
    "longtail_micro_f": 0.0,
    "longtail_head_f": 0.0,
    "longtail_mid_f": 0.0,
    "longtail_tail_f": 0.0,
    "longtail_lrap": 0.0,
    "longtail_micro_p": None,
    "longtail_micro_r": None,
    "longtail_p_at_1": None,
    "longtail_p_at_3": None,
    "longtail_p_at_5": None,
    "longtail_ndcg_at_1": None,
    "longtail_ndcg_at_3": None,
    "longtail_ndcg_at_5": None,
    "longtail_psp_at_1": None,
    "longtail_psp_at_3": None,
    "longtail_psp_at_5": None,
    "longtail_f_per_label": None,
}
FALLBACK_WEIGHTS: Dict[str, Optional[float]] = {
    "longtail_refined_gain": 0.0,
    "longtail_refined_fixed": None,
    "longtail_refined_broken": None,
}


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
    """Create a TextCategorizer for labels that exclude each other."""
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
    """Create a TextCategorizer for any number of labels a document."""
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
    """Create a ZeroShotFallback."""
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
