from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy
import srsly
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.util import SimpleFrozenList
from thinc.api import Model

from ...errors import Errors
from ..start import make_start_encoder
from ..taxonomy_pipe import TaxonomyPipe
from .kinds import LabelKind, make_kind
from .label_store import LabelStore, extend_taxonomy
from .new_labels import make_records, read_new_labels
from .refined_writer import RefinedWriter
from .router import Stages
from .settings import FallbackSettings

FORMAT = 1


class LabelKeeper(Pipe):
    """The side of the fallback that knows labels: those of the first stage, those that
    are added at run time, and what the ranker has learned of both.

    The arguments are those of ZeroShotFallback.
    """

    def __init__(
        self,
        nlp: Language,
        ranker: Any,
        name: str,
        *,
        gate: Optional[Any],
        source: str,
        settings: FallbackSettings,
    ) -> None:
        self.vocab = nlp.vocab
        self.nlp = nlp
        self.ranker = ranker
        self.gate = gate
        self.name = name
        self.source = source
        self.settings = settings
        self.store = LabelStore()
        self._writer: Optional[RefinedWriter] = None
        # The first stage, and how often it was updated, that the ranker knows.
        self._seen: Optional[Tuple[Any, int]] = None
        # Whether the ranker knows the run-time labels as they are now.
        self._is_current = False

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
        """RETURNS (LabelKind): That of the first stage's labels, with those that were
        added at run time.
        """
        source = self._get_source()
        return make_kind(source, extend_taxonomy(source.taxonomy, self.store.added))

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
        self._is_current = False

    def _add(self, found: List[Dict[str, Any]]) -> int:
        new = make_records(
            found,
            taxonomy=self._get_source().taxonomy,
            added=self.store.added,
            nlp=self.nlp,
        )
        self.store.added.update(new)
        self._is_current = False
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
    ) -> "LabelKeeper":
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
        # What the ranker has learned fits the first stage as it is now.
        self._seen, self._writer = None, None
        if self.store.known and self.source in self.nlp.component_names:
            source = self.nlp.get_pipe(self.source)
            self._seen = source, getattr(source, "n_updates", 0)
        self._is_current = self._seen is not None
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
    ) -> "LabelKeeper":
        """RAISES (ValueError): L305 if a newer version wrote it."""
        data = (Path(path) / "fallback.msgpack").read_bytes()
        return self.from_bytes(data, exclude=exclude)

    def _get_source(self) -> Any:
        names = self.nlp.component_names
        source = self.nlp.get_pipe(self.source) if self.source in names else None
        if not isinstance(source, TaxonomyPipe):
            text = Errors.L330.format(name=self.name, source=self.source, found=names)
            raise ValueError(text)
        if self.name in names and names.index(self.name) < names.index(self.source):
            raise ValueError(Errors.L331.format(name=self.name, source=self.source))
        return source

    def _refresh(self) -> RefinedWriter:
        """Bring the ranker up to date with the labels and the first stage's encoder."""
        source = self._get_source()
        seen = self._seen
        is_same = seen is not None and seen[0] is source and seen[1] == source.n_updates
        if is_same and self._is_current and self._writer is not None:
            return self._writer
        if not self.store.known:
            raise ValueError(Errors.L338.format(name=self.name))
        rankers = [self.ranker] if self.gate is None else [self.ranker, self.gate]
        encoder = source.model.get_ref("encoder")
        for ranker in rankers:
            if not (is_same and self._is_current):
                cards = self.store.make_cards(source.taxonomy, self.nlp)
                encode = make_start_encoder(encoder, self.nlp, source)
                ranker.set_labels(cards, encode, only_added=is_same)
            ranker.bind(partial(_encode, encoder))
        kind, added = self.kind, tuple(self.store.added)
        self._writer = RefinedWriter(
            Stages(source, kind, self.ranker, self.gate, kind.taxonomy, added)
        )
        self._seen, self._is_current = (source, source.n_updates), True
        return self._writer


def _encode(encoder: Model, docs: List[Doc]) -> numpy.ndarray:
    return encoder.ops.to_numpy(encoder.predict(docs))
