import time
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence

import numpy
import srsly
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.util import SimpleFrozenList, ensure_path, minibatch
from thinc.api import Config

from ..descriptions import DescriptionsT, check_descriptions
from ..errors import Errors, Warnings
from ..taxonomy import Taxonomy
from .abstention import Thresholds, find_reasons, shorten
from .decision import KEY, DecisionWriter, register_extension
from .fallback_settings import check_choice, check_share
from .label_store import LabelStore, extend_taxonomy, make_record, read_new_labels
from .refinement import Judged, compete, spread
from .router import Router, RouterSettings, Usage
from .settings import check_not_negative
from .start import make_start_encoder

FORMAT = 1
STAGE = "zero_shot_fallback"
ABSTAINED = "abstained"

default_config = """
[zero_shot_fallback]
source = "longtail_textcat"
route_threshold = 0.1
route_below = 0.0
abstain_threshold = 0.0
mixture_weight = 1.0
trust = 0.2
max_examples = 20
gate = null
gate_slack = 2.0
scorer = {"@scorers": "spacy-longtail.longtail_scorer.v1"}

[zero_shot_fallback.ranker]
@misc = "spacy-longtail.PrototypeRanker.v1"
"""
DEFAULT_CONFIG = Config().from_str(default_config)["zero_shot_fallback"]
DEFAULT_SCORE_WEIGHTS: Dict[str, Optional[float]] = {
    "longtail_refined_gain": 0.0,
    "longtail_refined_fixed": None,
    "longtail_refined_broken": None,
}


@Language.factory(
    "zero_shot_fallback",
    assigns=["doc.cats", "doc._.longtail"],
    default_config=DEFAULT_CONFIG,
    default_score_weights=DEFAULT_SCORE_WEIGHTS,
)
def make_zero_shot_fallback(
    nlp: Language,
    name: str,
    ranker: Any,
    gate: Optional[Any],
    source: str,
    route_threshold: float,
    route_below: float,
    abstain_threshold: float,
    mixture_weight: float,
    trust: float,
    max_examples: int,
    gate_slack: float,
    scorer: Optional[Callable],
) -> "ZeroShotFallback":
    """Create the component, see ZeroShotFallback."""
    return ZeroShotFallback(
        nlp,
        ranker,
        name,
        gate=gate,
        source=source,
        route_threshold=route_threshold,
        route_below=route_below,
        abstain_threshold=abstain_threshold,
        mixture_weight=mixture_weight,
        trust=trust,
        max_examples=max_examples,
        gate_slack=gate_slack,
        scorer=scorer,
    )
