import warnings
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
)

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.util import minibatch
from thinc.api import Config

from ..descriptions import DescriptionsT, check_descriptions
from ..errors import Errors, Warnings
from ..taxonomy import Taxonomy
from .decision import KEY, register_extension
from .fallback.abstention import fit_threshold
from .fallback.fitting import fit_mixture
from .fallback.label_keeper import LabelKeeper
from .fallback.refinement import Judged
from .fallback.router import judge
from .fallback.settings import FallbackSettings
from .fallback.usage import Usage, now

# Deviations that chance exceeds to one side in one of twenty cases.
ONE_SIDED = 1.645
default_config = """
[zero_shot_fallback]
source = "longtail_textcat"
route_threshold = 0.1
route_below = 0.0
abstain_threshold = 0.0
mixture_weight = 1.0
trust = 0.2
gate_slack = 2.0
max_examples = 20
gate = null
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
    gate_slack: float,
    max_examples: int,
    scorer: Optional[Callable],
) -> "ZeroShotFallback":
    """Create the component, see ZeroShotFallback."""
    settings = FallbackSettings(
        route_threshold=route_threshold,
        route_below=route_below,
        abstain_threshold=abstain_threshold,
        mixture_weight=mixture_weight,
        trust=trust,
        gate_slack=gate_slack,
    )
    return ZeroShotFallback(
        nlp,
        ranker,
        name,
        gate=gate,
        source=source,
        settings=settings,
        max_examples=max_examples,
        scorer=scorer,
    )


class ZeroShotFallback(LabelKeeper):
    """Rank again what the first stage left in an Other, and find labels that were
    added at run time.

    Only documents that are routed here cost anything. The probability of an Other is
    spread over its labels by a ranker's scores; labels that are trained on their own
    keep their probabilities. Run-time labels compete with all by their own prototypes.

    The first stage can give a document several labels. They don't exclude each other,
    so that run-time labels take nothing from others there. A document has the labels
    whose probability after both stages reaches their threshold in the first stage; that
    of run-time labels is its 'threshold'.

    nlp (Language): The pipeline, where the first stage is.
    ranker (LabelRanker): Orders the labels of an Other, see rankers.types.
    name (str): Name of the component.
    gate (Optional[LabelRanker]): A cheaper one that tells which documents run-time
        labels could win. None asks the ranker about every document as long as there
        are run-time labels.
    source (str): Name of the first stage.
    settings (FallbackSettings): Can be changed on a loaded pipe.
    max_examples (int): Training documents that are kept of each label, from 1.
    scorer (Optional[Callable]): Scoring method of labels that exclude each other. The
        first stage's takes its place otherwise. None doesn't score.
    RAISES (ValueError): L312 or L337 if a setting is out of range.
    """

    def __init__(
        self,
        nlp: Language,
        ranker: Any,
        name: str = "zero_shot_fallback",
        *,
        gate: Optional[Any] = None,
        source: str = "longtail_textcat",
        settings: Optional[FallbackSettings] = None,
        max_examples: int = 20,
        scorer: Optional[Callable] = None,
    ) -> None:
        settings = settings or FallbackSettings()
        if not isinstance(max_examples, int) or max_examples < 1:
            text = Errors.L337.format(name="max_examples", value=max_examples)
            raise ValueError(text)
        super().__init__(nlp, ranker, name, gate=gate, source=source, settings=settings)
        self.max_examples = max_examples
        self.scorer = scorer
        self.usage = Usage()
        self._is_checked = False
        self._warned: List[str] = []
        register_extension()

    @property
    def stats(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): Routed share, candidates per routed document and
        milliseconds, in this process since the pipe was made or `usage` replaced.
        """
        return self.usage.to_dict()

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        descriptions: Optional[DescriptionsT] = None,
    ) -> None:
        """Keep a few training documents of each label. What the ranker makes of them is
        worked out when it is first needed, with the encoder as it is then.

        get_examples (Callable[[], Iterable[Example]]): Returns the training corpus.
        nlp (Optional[Language]): The pipeline that the component is part of.
        descriptions (Optional[DescriptionsT]): See the first stage.
        RAISES (ValueError): L330 or L331 without a first stage, description errors,
            and errors of a ranker that can't be loaded.
        """
        validate_get_examples(get_examples, "ZeroShotFallback.initialize")
        self.nlp = nlp or self.nlp
        source = self._get_source()
        taxonomy: Taxonomy = source.taxonomy
        if not self.is_needed:
            self._warn(Warnings.LW401.format(name=self.name, source=self.source))
        self._check_ranker()
        self.store.collect(
            get_examples(),
            taxonomy,
            check_descriptions(descriptions or {}, taxonomy),
            source.get_gold,
            max_examples=self.max_examples,
        )
        self._seen, self._is_current = None, False

    def __call__(self, doc: Doc) -> Doc:
        """Process one document, see pipe."""
        self._check_ranker()
        error_handler = self.get_error_handler()
        try:
            self.set_annotations([doc], self.predict([doc]))
        except Exception as error:
            error_handler(self.name, self, [doc], error)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Process documents in batches. What is found in one doesn't depend on the
        others.

        RAISES (ValueError): L330, L331, or an error of a ranker that can't be loaded,
            before the first document is read.
        """
        self._check_ranker()
        error_handler = self.get_error_handler()
        for docs in minibatch(stream, size=batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception as error:
                error_handler(self.name, self, docs, error)
            else:
                yield from docs

    @property
    def taxonomy(self) -> Taxonomy:
        """RETURNS (Taxonomy): That of the first stage, with the labels that were added
        at run time: the columns of what predict and refine return.
        """
        return self._refresh().taxonomy

    def predict(self, docs: Sequence[Doc]) -> Optional[Judged]:
        """Ask the ranker about the documents that are routed to it.

        RETURNS (Optional[Judged]): For set_annotations. None if there is nothing to do.
        """
        start, docs = now(), list(docs)
        self.usage.docs += len(docs)
        if not self.is_needed:
            return None
        stages = self._refresh().stages
        stages.kind.check(self.settings, self.name)
        rows = self._find_decided(docs, stages.source.name)
        if not rows:
            return None
        judged, n_candidates = judge(docs, rows, stages, self.settings)
        self.usage.routed += len(judged.rows)
        self.usage.candidates += n_candidates
        self.usage.seconds += now() - start
        return judged

    def set_annotations(self, docs: Sequence[Doc], judged: Optional[Judged]) -> None:
        """Write the refined `doc.cats` and `doc._.longtail`."""
        if judged is not None:
            start = now()
            P = self.refine(judged)
            self._refresh().write(list(docs), judged, P, self.settings)
            self.usage.seconds += now() - start

    def refine(self, judged: Judged) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Probabilities of both stages together."""
        stages = self._refresh().stages
        return stages.kind.refine(judged, stages.added, self.settings)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Score the final labels, and warn if the fallback breaks more than it fixes,
        by more than chance would in one of twenty corpora.

        RETURNS (Dict[str, Any]): See the scorer.
        """
        if self.scorer is None:
            return {}
        examples = list(examples)
        scores = self.kind.score(self.scorer, examples, **kwargs)
        fixed = scores.get("longtail_refined_fixed") or 0.0
        broken = scores.get("longtail_refined_broken") or 0.0
        # If both were equally likely, this would be the deviation of their difference.
        deviation = ((fixed + broken) / max(len(examples), 1)) ** 0.5
        if broken - fixed > ONE_SIDED * deviation:
            text = Warnings.LW403.format(name=self.name, fixed=fixed, broken=broken)
            warnings.warn(text, stacklevel=2)
        return scores

    def fit_mixture(self, examples: Iterable[Example]) -> Dict[str, float]:
        """Fit how much the first stage's own distribution and the ranker, or each of
        several combined rankers, weigh inside an Other, and keep it.

        examples (Iterable[Example]): Documents that training hasn't seen, like dev.
        RETURNS (Dict[str, float]): The weights, "mixture" that of the first stage.
        RAISES (ValueError): L339 if there are too few documents of pooled labels.
        """
        return fit_mixture(self, examples)

    def fit_abstention(
        self,
        examples: Iterable[Example],
        *,
        precision: Optional[float] = None,
        coverage: Optional[float] = None,
    ) -> float:
        """Fit `abstain_threshold` to a wished precision or coverage, and keep it.

        examples (Iterable[Example]): Documents that training hasn't seen. Those
            without a label of the pipeline fit nothing, any label of them is wrong. If
            a document can have several, nothing is known about those, see get_gold.
        precision (Optional[float]): Share of the labels given that should be right.
        coverage (Optional[float]): Share of the documents that should get a label, or
            not abstain if they can have none anyway; give one of the two.
        RETURNS (float): The threshold.
        RAISES (ValueError): L339 if that can't be.
        """
        return fit_threshold(self, examples, precision=precision, coverage=coverage)

    @property
    def is_needed(self) -> bool:
        """RETURNS (bool): Whether there can be anything to do."""
        source = self._get_source()
        settings = self.settings
        is_needed = bool(source.taxonomy.others or self.store.added)
        is_needed |= settings.abstain_threshold > 0 or settings.route_below > 0
        return is_needed or bool(settings.thresholds)

    def _check_ranker(self) -> None:
        if not self._is_checked and self.is_needed:
            for ranker in filter(None, (self.ranker, self.gate)):
                ranker.check()
            self._is_checked = True

    def _find_decided(self, docs: List[Doc], source: str) -> List[int]:
        """RETURNS (List[int]): Documents that the first stage has decided."""
        decisions = [doc.user_data.get(KEY) for doc in docs]
        rows = [i for i, found in enumerate(decisions) if found]
        rows = [i for i in rows if decisions[i]["pipe"] == source]  # type: ignore[index]
        if len(rows) < len(docs):
            self._warn(Warnings.LW402.format(name=self.name, source=self.source))
        return rows

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.append(text)
            warnings.warn(text, stacklevel=2)
