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
from .kinds.base import LabelKind
from .kinds.exclusive import ExclusiveLabels
from .kinds.multilabel import MultilabelLabels
from .settings import FallbackSettings
from .textcat import TextCategorizer

KINDS: Dict[str, Type[LabelKind]] = {
    kind.name: kind for kind in (ExclusiveLabels, MultilabelLabels)
}
ASSIGNS = ["doc.cats", f"doc._.{KEY}"]
MODEL = {
    "@architectures": "spacy-longtail.TaxonomyTextCat.v1",
    "encoder": {
        "@architectures": "spacy-longtail.StaticBag.v1",
        "vectors": {"@misc": "spacy-longtail.BundledVectors.v1"},
    },
    "output": {"@layers": "spacy-longtail.PrototypeSoftmax.v1"},
}


def make_weights(best: str, shown: str, kept: str) -> Dict[str, Optional[float]]:
    """Make the default score weights of a component from names of scores: which choose
    the best model, are printed while training, or only kept in the meta.
    """
    names = [(1.0, best), (0.0, shown), (None, kept)]
    return {f"longtail_{name}": w for w, text in names for name in text.split()}


def takes_settings(settings: Type[CheckedSettings]) -> Callable[[Callable], Callable]:
    """Give a factory the settings of its component as arguments: they stand in its
    signature, in place of **settings, for the config to be checked with.
    """

    def decorate(factory: Any) -> Callable:
        found = inspect.signature(factory)
        parts = [p for p in found.parameters.values() if p.kind is not p.VAR_KEYWORD]
        for part in settings.get_configured():
            keyword = inspect.Parameter.KEYWORD_ONLY
            parts.append(inspect.Parameter(part.name, keyword, annotation=part.type))
        factory.__signature__ = found.replace(parameters=parts)
        factory.settings_type = settings
        return factory

    return decorate


def declare_textcat(
    kind: Type[LabelKind], scorer: str, loss: str, weights: Dict[str, Optional[float]]
) -> Callable:
    """Declare the factory of a component for a kind of labels, by the registered names
    of its default scorer and loss, and its default score weights.
    """
    config = {
        **kind.settings_type.get_config(),
        "scorer": {"@scorers": scorer},
        "loss": {"@losses": loss, "tau": 1.0},
        "model": MODEL,
    }
    declare = Language.factory(
        kind.factory,
        assigns=ASSIGNS,
        default_config=config,
        default_score_weights=weights,
    )
    return lambda make: declare(takes_settings(kind.settings_type)(make))


@declare_textcat(
    ExclusiveLabels,
    "spacy-longtail.longtail_scorer.v1",
    "spacy-longtail.LogitAdjusted.v1",
    make_weights(
        "macro_f",
        "head_f mid_f tail_f accuracy coarse_accuracy",
        "hier_p hier_r hier_f coverage other_recall ece f_per_label",
    ),
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


@declare_textcat(
    MultilabelLabels,
    "spacy-longtail.longtail_multilabel_scorer.v1",
    "spacy-longtail.BinaryLogitAdjusted.v1",
    make_weights(
        "macro_ap",
        "macro_f micro_f head_f mid_f tail_f lrap",
        "micro_p micro_r p_at_1 p_at_3 p_at_5 ndcg_at_1 ndcg_at_3 ndcg_at_5 psp_at_1 "
        "psp_at_3 psp_at_5 f_per_label",
    ),
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
    default_score_weights=make_weights(
        "", "refined_gain", "refined_fixed refined_broken"
    ),
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
        max_examples=max_examples,
        scorer=scorer,
        **settings,
    )
