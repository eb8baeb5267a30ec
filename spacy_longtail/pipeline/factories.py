import inspect
from typing import Any, Callable, Dict, List, Optional, Type

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..settings import CheckedSettings
from ..taxonomy import Taxonomy
from .decision import KEY
from .fallback.component import ZeroShotFallback
from .kinds.exclusive import ExclusiveLabels
from .kinds.multilabel import MultilabelLabels
from .settings import FallbackSettings
from .textcat import TextCategorizer

KINDS = {kind.name: kind for kind in (ExclusiveLabels, MultilabelLabels)}
MODEL = {
    "@architectures": "spacy-longtail.TaxonomyTextCat.v1",
    "encoder": {
        "@architectures": "spacy-longtail.StaticBag.v1",
        "vectors": {"@misc": "spacy-longtail.BundledVectors.v2"},
    },
    "output": {"@layers": "spacy-longtail.PrototypeSoftmax.v1"},
}


def declare(
    name: str,
    settings: Type[CheckedSettings],
    config: Dict[str, Any],
    *,
    best: str = "",
    shown: str,
    kept: str,
) -> Callable[[Any], Callable]:
    """Declare a factory. The settings of its component stand in its signature, in place
    of **settings, for the config to be checked with.

    best, shown, kept (str): Scores that choose the best model, are printed while
        training, or only kept in the meta.
    """
    scores = [(1.0, best), (0.0, shown), (None, kept)]
    weights = {f"longtail_{key}": w for w, text in scores for key in text.split()}

    def decorate(factory: Any) -> Callable:
        found = inspect.signature(factory)
        parts = [p for p in found.parameters.values() if p.kind is not p.VAR_KEYWORD]
        for part in settings.get_configured():
            keyword = inspect.Parameter.KEYWORD_ONLY
            parts.append(inspect.Parameter(part.name, keyword, annotation=part.type))
        factory.__signature__ = found.replace(parameters=parts)
        factory.settings_type = settings
        return Language.factory(
            name,
            assigns=["doc.cats", f"doc._.{KEY}"],
            default_config=config,
            default_score_weights=weights,
            func=factory,
        )

    return decorate


@declare(
    ExclusiveLabels.factory,
    ExclusiveLabels.settings_type,
    {
        **ExclusiveLabels.settings_type.get_config(),
        "scorer": {"@scorers": "spacy-longtail.longtail_scorer.v1"},
        "loss": {"@losses": "spacy-longtail.LogitAdjusted.v1", "tau": 1.0},
        "model": MODEL,
    },
    best="macro_f",
    shown="head_f mid_f tail_f accuracy coarse_accuracy",
    kept="hier_p hier_r hier_f coverage other_recall ece f_per_label",
)
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

    RAISES (ValueError): L004, L005, L306 to L308 or L312 if a setting is out of range.
    """
    kind = ExclusiveLabels(name, **settings)
    return TextCategorizer(nlp.vocab, model, name, kind=kind, loss=loss, scorer=scorer)


@declare(
    MultilabelLabels.factory,
    MultilabelLabels.settings_type,
    {
        **MultilabelLabels.settings_type.get_config(),
        "scorer": {"@scorers": "spacy-longtail.longtail_multilabel_scorer.v1"},
        "loss": {"@losses": "spacy-longtail.BinaryLogitAdjusted.v1", "tau": 1.0},
        "model": MODEL,
    },
    best="macro_ap",
    shown="macro_f micro_f head_f mid_f tail_f lrap",
    kept="micro_p micro_r p_at_1 p_at_3 p_at_5 ndcg_at_1 ndcg_at_3 ndcg_at_5 psp_at_1 "
    "psp_at_3 psp_at_5 f_per_label",
)
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
    RAISES (ValueError): L004, L005, L306 to L308, L312, L313, L320 or L323 if a setting
        is out of range.
    """
    kind = MultilabelLabels(name, **settings)
    return TextCategorizer(nlp.vocab, model, name, kind=kind, loss=loss, scorer=scorer)


@declare(
    "zero_shot_fallback",
    FallbackSettings,
    {
        "source": ExclusiveLabels.factory,
        **FallbackSettings.get_config(),
        "max_examples": 20,
        "gate": None,
        "scorer": {"@scorers": "spacy-longtail.longtail_scorer.v1"},
        "ranker": {"@misc": "spacy-longtail.PrototypeRanker.v1"},
    },
    shown="refined_gain",
    kept="refined_fixed refined_broken",
)
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
        max_examples=max_examples,
        scorer=scorer,
        **settings,
    )
