import time
import warnings
from collections import Counter
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
)

import srsly
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ...descriptions import DescriptionsT
from ...errors import Errors, Warnings
from ...ops import get_chance
from ...saved import explain_damage
from ...taxonomy import Taxonomy
from ..checks import check_second_stage
from ..decision import Prediction
from ..home import find_name, make_name_property, read_changes, write_config
from ..kinds.base import LabelKind
from ..settings import FallbackSettings
from ..textcat import NOTHING
from ..warm_start import start_sourced
from . import fitting, state
from .decided import read_decided
from .labels import LabelStore, extend_taxonomy, read_new_labels
from .router import Judged, Stages, judge
from .saved import load_rankers, pack_fallback, read_fallback
from .source import SourceLink
from .writer import RefinedWriter

# In one of twenty corpora, chance breaks as much more than it fixes.
UNLIKELY = 0.05
# Fewer broken labels say nothing, as training scores several times.
SEVERAL = 5


class ZeroShotFallback(Pipe):
    """Rank again what the first stage left in an Other, and find labels that were
    added at run time.

    Only documents that are routed here cost anything. The probability of an Other is
    redistributed over its labels by a ranker's scores; labels that are trained on their
    own keep their probabilities. Run-time labels compete with all by their own
    prototypes.

    The first stage can give a document several labels. They don't exclude each other,
    so that run-time labels take nothing from others there. A document has the labels
    whose probability after both stages reaches their threshold in the first stage; that
    of run-time labels is that of the nearest node above them, or its 'threshold'.

    nlp (Language): The pipeline, where the first stage is.
    ranker (LabelRanker): Orders the labels of an Other, see rankers.base.
    name (str): Name of the component.
    gate (Optional[LabelRanker]): A cheaper one that tells which documents run-time
        labels could win. None asks the ranker about every document as long as there
        are run-time labels.
    source (str): Name of the first stage.
    settings (Any): Fields of FallbackSettings, can be changed on a loaded pipe.
    max_examples (int): Training documents that are kept of each label. 0 keeps no text,
        so that a ranker knows names and descriptions only.
    scorer (Optional[Callable]): Scoring method of labels that exclude each other. The
        first stage's takes its place otherwise. None doesn't score.
    RAISES (ValueError): L312, L337, L346 or L347 if a setting is out of range.
    """

    def __init__(
        self,
        nlp: Language,
        ranker: Any,
        name: str,
        *,
        gate: Optional[Any],
        source: str,
        max_examples: int,
        scorer: Optional[Callable],
        **settings: Any,
    ) -> None:
        check_second_stage(name, ranker, gate, scorer, max_examples)
        self.vocab = nlp.vocab
        self.nlp = nlp
        self.ranker = ranker
        self.gate = gate
        self.settings = FallbackSettings(**settings)
        self.settings.follow(self._note_setting)
        self._link = SourceLink(self, source)
        self.name = name
        self.max_examples = max_examples
        self.scorer = scorer
        self.store = LabelStore()
        # Documents seen, those the ranker was asked about, labels it scored, seconds.
        self.usage: Dict[str, Any] = Counter()
        # The labels of the first stage and those added since, and both together.
        self._extended: Optional[Tuple[Taxonomy, Tuple[str, ...], Taxonomy]] = None
        # The first stage, how often it was updated, and the run-time labels that these
        # two know, ranker and gate.
        self._seen: Optional[Tuple[Any, int, Dict[str, Any], Any, Any]] = None
        # What follows from that. Nothing in it changes: other threads can be using it.
        self._stages: Optional[Stages] = None
        self._is_loaded = False
        self._warned: List[str] = []

    name = make_name_property()

    def enter(self, nlp: Optional[Language]) -> None:
        """Belong to a pipeline, under the name that it has there.

        nlp (Optional[Language]): None if it's the same pipeline as before.
        """
        self.nlp = nlp or self.nlp
        if self._link.find() is not None and nlp is not None:
            self._link.write_name()

    @property
    def source(self) -> str:
        """RETURNS (str): Name of the first stage, also after it was renamed."""
        return self._link.name

    @source.setter
    def source(self, name: str) -> None:
        self._link.name = name

    def _note_setting(self, name: str, value: Any) -> None:
        write_config(self.nlp, self, name, value)

    @property
    def stats(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): Routed share, candidates per routed document and
        milliseconds, in this process since the pipe was made or `usage` replaced.
        """
        docs, routed = self.usage["docs"], self.usage["routed"]
        n_docs, n_routed = max(docs, 1), max(routed, 1)
        ms = 1000.0 * self.usage["seconds"]
        return {
            "docs": docs,
            "routed": routed,
            "routed_share": routed / n_docs,
            "candidates_per_routed_doc": self.usage["candidates"] / n_routed,
            "ms_per_doc": ms / n_docs,
            "ms_per_routed_doc": ms / n_routed,
        }

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Labels from training, then those added since."""
        return (*self.store.known, *self.store.added)

    @property
    def added_labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Labels that were added at run time."""
        return tuple(self.store.added)

    @property
    def kind(self) -> LabelKind:
        """RETURNS (LabelKind): That of the first stage's labels."""
        return self._link.get().kind

    @property
    def taxonomy(self) -> Taxonomy:
        """RETURNS (Taxonomy): That of the first stage, with the labels that were added
        at run time: the columns of what predict and refine return.
        """
        return self._extend(self._link.get().taxonomy, self.added_labels)

    def _extend(self, source: Taxonomy, added: Tuple[str, ...]) -> Taxonomy:
        known = self._extended
        if known is None or known[0] is not source or known[1] != added:
            known = self._extended = source, added, extend_taxonomy(source, added)
        return known[2]

    @property
    def is_needed(self) -> bool:
        """RETURNS (bool): Whether there can be anything to do."""
        has_labels = self._link.get().taxonomy.others or self.store.added
        least = max(self.settings.abstain_threshold, self.settings.route_below)
        return bool(has_labels or least > 0 or self.settings.thresholds)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        descriptions: Optional[DescriptionsT] = None,
    ) -> None:
        """Keep a few training documents of each label, which the ranker gets to know
        when it is first needed. For the parameters, see the first stage.

        RAISES (ValueError): L330 or L331 without a first stage, description errors,
            and errors of a ranker that can't be loaded.
        """
        start_sourced(self._link.get())
        self.store.known = {}
        self._follow(get_examples, nlp, descriptions)

    def warm_start(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        descriptions: Optional[DescriptionsT] = None,
    ) -> None:
        """Follow the first stage after its warm_start. See initialize. Thresholds that
        were fitted to it as it was are dropped, with the warning LW303.
        """
        if self.settings.thresholds or self.settings.abstain_threshold:
            warnings.warn(Warnings.LW303.format(name=self.name), stacklevel=2)
            self.settings.thresholds, self.settings.abstain_threshold = {}, 0.0
        self._follow(get_examples, nlp, descriptions)

    def _follow(
        self,
        get_examples: Callable[[], Iterable[Example]],
        nlp: Optional[Language],
        descriptions: Optional[DescriptionsT],
    ) -> None:
        self.nlp = nlp or self.nlp
        source, texts = self._link.get(), descriptions or {}
        self.store.collect(get_examples, source, texts, self.max_examples)
        if not self.is_needed:
            self._warn(Warnings.LW401.format(name=self.name, source=self.source))
        self._load_ranker()
        self._seen = self._stages = None

    def __call__(self, doc: Doc) -> Doc:
        list(self.pipe([doc]))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Process documents in batches. What is found in one doesn't depend on the
        others.

        RAISES (ValueError): L330, L331, or an error of a ranker that can't be loaded,
            before the first document is read.
        """
        self._load_ranker()
        error_handler = self.get_error_handler()
        for docs in minibatch(stream, size=batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
            except Exception as error:
                error_handler(self.name, self, docs, error)
            else:
                yield from docs

    def predict(self, docs: Iterable[Doc]) -> Optional[Judged]:
        """Ask the ranker about the documents that are routed to it.

        RETURNS (Optional[Judged]): For set_annotations. None if there is nothing to do.
        """
        start, docs = time.perf_counter(), list(docs)
        self._add_usage(docs=len(docs))
        if not self.is_needed:
            return None
        stages = self._refresh()
        stages.kind.check_fallback(stages)
        decided = read_decided(docs, stages.source, stages.source.taxonomy)
        if len(decided.rows) < len(docs):
            self._warn(Warnings.LW402.format(name=self.name, source=self.source))
        if not len(decided.rows):
            return None
        judged = judge(docs, decided, stages)
        n_added = len(stages.added) * len(judged.rows)
        self._add_usage(
            routed=len(judged.rows),
            candidates=sum(map(len, judged.scores)) + n_added,
            seconds=time.perf_counter() - start,
        )
        return judged

    def set_annotations(self, docs: Iterable[Doc], judged: Optional[Judged]) -> None:
        """Write the refined `doc.cats` and `doc._.longtail`."""
        if judged is not None:
            start, stages = time.perf_counter(), judged.stages
            refined = stages.kind.refine(judged, stages)
            RefinedWriter(stages).write(list(docs), judged, refined)
            self._add_usage(seconds=time.perf_counter() - start)

    def refine(self, judged: Judged) -> Prediction:
        """RETURNS (Prediction): Of both stages together, for the routed documents, by
        the settings as they are now.
        """
        return self.kind.refine(judged, judged.stages._replace(settings=self.settings))

    _add_usage = state.add_usage
    _refresh = state.refresh

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Score the final labels, and warn if the fallback breaks more than it fixes,
        by more than chance would in one of twenty corpora.

        RETURNS (Dict[str, Any]): See the scorer.
        """
        if self.scorer is None:
            return {}
        examples = list(examples)
        source, tree = self._link.get(), self.taxonomy
        settings = {**kwargs, "taxonomy": tree, "labels": tree.leaves}
        scores = source.kind.score(source, self.scorer, examples, **settings)
        self.unmeasured = {key: value is None for key, value in scores.items()}
        fixed = scores.get("longtail_refined_fixed") or 0.0
        broken = scores.get("longtail_refined_broken") or 0.0
        n_broken, n_fixed = (round(x * len(examples)) for x in (broken, fixed))
        if n_broken >= SEVERAL and get_chance(n_broken, n_fixed) < UNLIKELY:
            text = Warnings.LW403.format(name=self.name, fixed=fixed, broken=broken)
            warnings.warn(text, stacklevel=2)
        return scores

    fit_mixture = fitting.fit_mixture
    fit_abstention = fitting.fit_abstention

    def add_label(
        self,
        label: str,
        *,
        description: Optional[str] = None,
        examples: Iterable[str] = NOTHING,
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

    def _add(self, found: List[Dict[str, Any]]) -> int:
        return self.store.add(found, self._link.get().taxonomy, self.nlp)

    def to_bytes(self, *, exclude: Iterable[str] = NOTHING) -> bytes:
        """Serialize the kept documents, the run-time labels and the ranker's arrays."""
        added: Mapping[str, Any] = self.store.added
        digest, ranker, gate = None, self.ranker, self.gate
        if self.store.known and self._link.find() is not None:
            stages = self._refresh()
            digest = stages.source.digest
            ranker, gate, added = stages.ranker, stages.gate, stages.added
        data = {
            "settings": self.settings.to_dict(),
            "rankers": self._get_rankers(),
            "store": {"known": self.store.known, "added": added},
            "ranker": ranker.to_bytes(),
            "gate": b"" if gate is None else gate.to_bytes(),
        }
        return pack_fallback(data, digest)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = NOTHING) -> Any:
        """RAISES (ValueError): L305 or L360, see read_fallback."""
        return self._load(bytes_data, "what was saved")

    def _load(self, data: bytes, place: Any) -> "ZeroShotFallback":
        source, blocks = self._link.find(), self._get_rankers()
        with explain_damage(place, self.name):
            found = read_fallback(data, source)
            # What they have learned isn't for rankers that are made in another way.
            is_known = found.rankers in (None, blocks)
            if is_known:
                load_rankers([self.ranker, self.gate], found, source)
        settings, changes = found.settings.to_dict(), {}
        if found.format > 1:
            changes = read_changes(self.nlp, self, self.settings, settings)
        self.settings.update({**settings, **changes})
        given = (self._get_block("ranker") or {}).get("weights")
        if is_known and found.format > 1 and given is not None:
            self.ranker.weights = dict(given)
        self.store, self._seen, self._stages = found.store, None, None
        # It fits the first stage as it is now.
        if is_known and found.has_learned and self.store.known and source is not None:
            asked, added = (self.ranker, self.gate), dict(self.store.added)
            self._seen = source, source.n_updates, added, *asked
        return self

    def _get_rankers(self) -> Optional[List[Any]]:
        """RETURNS (Optional[List[Any]]): What the config says of the ranker and the
        gate, but for weights, which can be fitted. None outside of a pipeline.
        """
        if find_name(self.nlp, self) is None:
            return None
        blocks = [self._get_block(key) for key in ("ranker", "gate")]
        blocks = srsly.json_loads(srsly.json_dumps(blocks))
        return [block and {**block, "weights": None} for block in blocks]

    def _get_block(self, key: str) -> Any:
        name = find_name(self.nlp, self)
        return None if name is None else self.nlp.get_pipe_config(name).get(key)

    def set_weights(self, weights: Dict[str, float]) -> None:
        """Set the weights of several combined rankers."""
        self.ranker.weights = dict(weights)
        block = self._get_block("ranker")
        if block is not None:
            self._note_setting("ranker", {**block, "weights": dict(weights)})

    def to_disk(self, path: Path, *, exclude: Iterable[str] = NOTHING) -> None:
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        (path / "fallback.msgpack").write_bytes(self.to_bytes(exclude=exclude))

    def from_disk(self, path: Path, *, exclude: Iterable[str] = NOTHING) -> Any:
        """RAISES (ValueError): L305 or L360, see read_fallback."""
        path = Path(path) / "fallback.msgpack"
        with explain_damage(path, self.name):
            data = path.read_bytes()
        return self._load(data, path)

    def _load_ranker(self) -> None:
        is_needed = self._link.get().handover.is_open = self.is_needed
        if not self._is_loaded and is_needed:
            for ranker in filter(None, (self.ranker, self.gate)):
                ranker.load()
            self._is_loaded = True

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.append(text)
            warnings.warn(text, stacklevel=2)
