import warnings
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

import numpy
import srsly
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.util import SimpleFrozenList, minibatch
from thinc.api import Config, Model

from ..descriptions import DescriptionsT, check_descriptions
from ..errors import Errors, Warnings
from ..ops import top_columns
from ..taxonomy import Taxonomy
from .decision import KEY, DecisionWriter, register_extension
from .fallback_settings import FallbackSettings
from .label_store import LabelStore, extend_taxonomy, make_record, read_new_labels
from .refinement import Judged, compete, spread
from .router import Stages, Usage, judge, now
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


class ZeroShotFallback(Pipe):
    """Rank again what the first stage left in an Other, and find labels that were
    added at run time.

    Only documents that are routed here cost anything. The probability of an Other is
    spread over its labels by a ranker's scores; labels that are trained on their own
    keep their probabilities. Run-time labels compete with all by their own prototypes.

    nlp (Language): The pipeline, where the first stage is.
    ranker (LabelRanker): Orders the labels of an Other, see rankers.types.
    name (str): Name of the component.
    gate (Optional[LabelRanker]): A cheaper one that tells which documents run-time
        labels could win. None asks the ranker about every document as long as there
        are run-time labels.
    source (str): Name of the first stage.
    settings (FallbackSettings): Can be changed on a loaded pipe.
    max_examples (int): Training documents that are kept of each label, from 1.
    scorer (Optional[Callable]): Scoring method.
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
        self.settings = settings or FallbackSettings()
        self.settings.check()
        if not isinstance(max_examples, int) or max_examples < 1:
            text = Errors.L337.format(name="max_examples", value=max_examples)
            raise ValueError(text)
        self.vocab = nlp.vocab
        self.nlp = nlp
        self.ranker = ranker
        self.gate = gate
        self.name = name
        self.source = source
        self.max_examples = max_examples
        self.scorer = scorer
        self.usage = Usage()
        self.store = LabelStore()
        self._state: Optional[Tuple[Any, ...]] = None
        self._stages: Optional[Stages] = None
        self._is_loaded = False
        self._is_checked = False
        self._warned: List[str] = []
        register_extension()

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Labels from training, then those added since."""
        return (*self.store.known, *self.store.added)

    @property
    def added_labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Labels that were added at run time."""
        return tuple(self.store.added)

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
        taxonomy: Taxonomy = self._get_source().taxonomy
        self.ranker.check()
        self.store.collect(
            get_examples(),
            taxonomy,
            check_descriptions(descriptions or {}, taxonomy),
            name=self.name,
            max_examples=self.max_examples,
        )
        self._state, self._is_loaded = None, False
        self._warn_if_idle(taxonomy)

    def __call__(self, doc: Doc) -> Doc:
        """Process one document, see pipe."""
        error_handler = self.get_error_handler()
        try:
            self.set_annotations([doc], self.predict([doc]))
        except Exception as error:
            error_handler(self.name, self, [doc], error)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Process documents in batches. What is found in one doesn't depend on the
        others.
        """
        error_handler = self.get_error_handler()
        for docs in minibatch(stream, size=batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception as error:
                error_handler(self.name, self, docs, error)
            else:
                yield from docs

    def predict(self, docs: Sequence[Doc]) -> Optional[Judged]:
        """Ask the ranker about the documents that are routed to it.

        RETURNS (Optional[Judged]): For set_annotations. None if there is nothing to do.
        """
        start, docs = now(), list(docs)
        self.usage.docs += len(docs)
        source = self._get_source()
        if not self._is_checked:
            self.ranker.check()
            self._is_checked = True
        if self._warn_if_idle(source.taxonomy) and not self._always_needed:
            return None
        decisions = [doc.user_data.get(KEY) for doc in docs]
        if not docs or not all(decisions):
            if docs:
                self._warn(Warnings.LW402.format(name=self.name, source=self.source))
            return None
        stages = self._refresh()
        judged, n_candidates = judge(docs, decisions, stages, self.settings)  # type: ignore[arg-type]
        self.usage.routed += len(judged.rows)
        self.usage.candidates += n_candidates
        self.usage.seconds += now() - start
        return judged

    def set_annotations(self, docs: Sequence[Doc], judged: Optional[Judged]) -> None:
        """Write the refined `doc.cats` and `doc._.longtail`."""
        if judged is None:
            return
        start, docs = now(), list(docs)
        P = self.refine(judged)
        writer = self._writer
        tops = P.max(axis=1) if len(P) else numpy.zeros(0)
        known = tops * numpy.clip(judged.closeness, 0.0, 1.0)
        described = writer.describe(P, known, STAGE, "")
        done = set()
        for i, row in enumerate(judged.rows.tolist()):
            done.add(row)
            self._write(docs[row], P[i], described[i], bool(judged.is_none[i]))
        for row, doc in enumerate(docs):
            if row in done:
                continue
            if self.store.added and self._get_source().cats_top_k is None:
                doc.cats.update(dict.fromkeys(self.store.added, 0.0))
            if doc.user_data[KEY]["known"] < self.settings.abstain_threshold:
                decision = dict(doc.user_data[KEY], first=doc.user_data[KEY]["label"])
                self._abstain(doc, decision, "no label is close enough")
        self.usage.seconds += now() - start

    def refine(self, judged: Judged) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Probabilities of both stages together."""
        settings, taxonomy = self.settings, self._writer.taxonomy
        P = spread(
            judged.P,
            taxonomy.others,
            judged.others,
            judged.scores,
            settings.mixture_weight,
        )
        if judged.leads is not None and len(P):
            columns = [taxonomy.index[label] for label in self.store.added]
            P = compete(P, judged.leads, columns, settings.trust)
        return P

    def _write(
        self, doc: Doc, P: numpy.ndarray, decision: Dict[str, Any], is_none: bool
    ) -> None:
        before, taxonomy = doc.user_data[KEY], self._writer.taxonomy
        label = decision["label"]
        decision["first"] = before["label"]
        # Sums of what was rounded to 32 bits, so they are kept as they were.
        if not self.store.added:
            decision["other"] = before["other"]
        if label in taxonomy.pooled:
            parent = taxonomy.others[taxonomy.other_of[taxonomy.index[label]]].parent
            where = f"of {parent!r}" if parent else "at the top"
            decision["reason"] = f"ranked first in the Other {where}"
        elif label in self.store.added:
            decision["reason"] = "closest to a label that was added at run time"
        else:
            decision["stage"] = before["stage"]
            decision["reason"] = before["reason"]
        top_k, values = self._get_source().cats_top_k, P.tolist()
        if top_k is None:
            doc.cats.update(zip(taxonomy.leaves, values))
        else:
            columns = top_columns(P[None], top_k)[0].tolist()
            cats = {k: v for k, v in doc.cats.items() if k not in taxonomy.index}
            cats.update((taxonomy.leaves[c], values[c]) for c in columns)
            doc.cats = cats
        doc.user_data[KEY] = decision
        if is_none and label in taxonomy.pooled:
            self._abstain(doc, decision, "no candidate fits, by the ranker")
        elif decision["known"] < self.settings.abstain_threshold:
            self._abstain(doc, decision, "no label is close enough")

    def _abstain(self, doc: Doc, decision: Dict[str, Any], reason: str) -> None:
        """Keep the deepest broader category that is sure enough, or nothing."""
        share = decision["known"] / max(decision["probability"], 1e-12)
        share = min(share, 1.0 - 1e-6)
        threshold = self.settings.abstain_threshold
        levels = [
            (node, probability)
            for node, probability in decision["levels"][:-1]
            if threshold > 0 and probability * share >= threshold
        ]
        own = self._writer.taxonomy.index
        for label, probability in doc.cats.items():
            if label in own:
                doc.cats[label] = probability * share
        doc.user_data[KEY] = {
            **decision,
            "label": None,
            "levels": levels,
            "probability": levels[-1][1] if levels else 0.0,
            "stage": ABSTAINED,
            "reason": f"{reason} (known = {decision['known']:.3f})",
        }

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Score the final labels, and warn if the fallback breaks more than it fixes.

        RETURNS (Dict[str, Any]): See the scorer.
        """
        if self.scorer is None:
            return {}
        source = self._get_source()
        taxonomy = extend_taxonomy(source.taxonomy, self.store.added)
        settings = {
            "taxonomy": taxonomy,
            "labels": taxonomy.leaves,
            "pipe": source.name,
        }
        scores = self.scorer(examples, **{**kwargs, **settings})
        fixed = scores.get("longtail_refined_fixed")
        broken = scores.get("longtail_refined_broken")
        if fixed is not None and broken > fixed:
            text = Warnings.LW403.format(name=self.name, fixed=fixed, broken=broken)
            warnings.warn(text, stacklevel=2)
        return scores

    def add_label(
        self,
        label: str,
        *,
        description: Optional[str] = None,
        examples: Iterable[str] = SimpleFrozenList(),
    ) -> int:
        """Add a label without training.

        label (str): Full path; its parent has to be there.
        description (Optional[str]): What it means.
        examples (Iterable[str]): Texts that belong to it.
        RETURNS (int): 1.
        RAISES (ValueError): L332, L333 or L335, see there. Nothing is added then.
        """
        return self._add(
            [{"label": label, "description": description, "examples": examples}]
        )

    def add_labels_from_file(self, path: Path) -> int:
        """Add labels from a file, one JSON object a line, with the keys "label" and,
        if wanted, "description" and "examples".

        RETURNS (int): How many.
        RAISES (ValueError): L336 with file and line. Nothing is added then.
        """
        return self._add(read_new_labels(path))

    def remove_label(self, label: str) -> None:
        """Remove a label that was added at run time.

        RAISES (ValueError): L334 if it wasn't.
        """
        if label not in self.store.added:
            text = Errors.L334.format(label=label, added=list(self.store.added)[:10])
            raise ValueError(text)
        del self.store.added[label]
        self._state, self._is_loaded = None, False

    def _add(self, found: List[Dict[str, Any]]) -> int:
        taxonomy: Taxonomy = self._get_source().taxonomy
        new: Dict[str, Dict[str, Any]] = {}
        for record in found:
            label = record["label"]
            try:
                self.store.check_new(label, taxonomy)
                if label in new:
                    raise ValueError(Errors.L332.format(label=label))
                new[label] = make_record(
                    self.nlp,
                    label,
                    taxonomy.separator,
                    record.get("description"),
                    record.get("examples") or (),
                )
            except ValueError as error:
                if "source" not in record:
                    raise
                text = Errors.L336.format(source=record["source"], problem=error)
                raise ValueError(text) from None
        self.store.added.update(new)
        self._state, self._is_loaded = None, False
        return len(new)

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """Serialize the kept documents, the run-time labels and the ranker's arrays."""
        if self.store.known and self.source in self.nlp.component_names:
            self._refresh()
        data = {
            "format": FORMAT,
            "settings": asdict(self.settings),
            "store": self.store.to_dict(),
            "ranker": self.ranker.to_bytes(),
            "gate": b"" if self.gate is None else self.gate.to_bytes(),
        }
        return srsly.msgpack_dumps(data)

    def from_bytes(
        self, bytes_data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "ZeroShotFallback":
        """RAISES (ValueError): L305 if a newer version wrote it."""
        data = srsly.msgpack_loads(bytes_data)
        if data["format"] > FORMAT:
            text = Errors.L305.format(found=data["format"], known=FORMAT)
            raise ValueError(text)
        self.settings = FallbackSettings(**data["settings"])
        self.store.from_dict(data["store"])
        self.ranker.from_bytes(data["ranker"])
        if self.gate is not None:
            self.gate.from_bytes(data["gate"])
        self._state, self._is_loaded = None, bool(self.store.known)
        return self

    def to_disk(
        self, path: Path, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> None:
        """Write one file to a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        (path / "fallback.msgpack").write_bytes(self.to_bytes(exclude=exclude))

    def from_disk(
        self, path: Path, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "ZeroShotFallback":
        """RAISES (ValueError): L305 if a newer version wrote it."""
        data = (Path(path) / "fallback.msgpack").read_bytes()
        return self.from_bytes(data, exclude=exclude)

    def _get_source(self) -> Any:
        names = self.nlp.component_names
        if self.source not in names:
            text = Errors.L330.format(name=self.name, source=self.source, found=names)
            raise ValueError(text)
        source = self.nlp.get_pipe(self.source)
        if not hasattr(source, "taxonomy"):
            text = Errors.L330.format(name=self.name, source=self.source, found=names)
            raise ValueError(text)
        if self.name in names and names.index(self.name) < names.index(self.source):
            raise ValueError(Errors.L331.format(name=self.name, source=self.source))
        return source

    def _refresh(self) -> Stages:
        """Bring the ranker up to date with the labels and the first stage's encoder."""
        source = self._get_source()
        state = id(source), getattr(source, "n_updates", 0)
        if self._stages is not None and state == self._state:
            return self._stages
        taxonomy: Taxonomy = source.taxonomy
        if not self.store.known:
            raise ValueError(Errors.L338.format(name=self.name))
        encoder = source.model.get_ref("encoder")
        if not self._is_loaded:
            cards = self.store.make_cards(taxonomy, self.nlp)
            encode = make_start_encoder(encoder, self.nlp, source)
            for ranker in filter(None, (self.ranker, self.gate)):
                ranker.set_labels(cards, encode)
        for ranker in filter(None, (self.ranker, self.gate)):
            ranker.bind(partial(_encode, encoder))
        added = tuple(self.store.added)
        extended = extend_taxonomy(taxonomy, added)
        self._writer = DecisionWriter(extended, source.name)
        self._stages = Stages(source, self.ranker, self.gate, extended, added)
        self._state, self._is_loaded = state, False
        return self._stages

    @property
    def _always_needed(self) -> bool:
        return self.settings.abstain_threshold > 0 or self.settings.route_below > 0

    def _warn_if_idle(self, taxonomy: Taxonomy) -> bool:
        is_idle = not taxonomy.others and not self.store.added
        if is_idle and not self._always_needed:
            self._warn(Warnings.LW401.format(name=self.name, source=self.source))
        return is_idle

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.append(text)
            warnings.warn(text, stacklevel=2)


def _encode(encoder: Model, docs: List[Doc]) -> numpy.ndarray:
    return encoder.ops.to_numpy(encoder.predict(docs))
