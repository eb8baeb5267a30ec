from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Optional,
    Tuple,
)

import numpy
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.util import SimpleFrozenList
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..errors import Errors
from ..taxonomy import Taxonomy, check_settings
from .decision import register_extension
from .encoding import EncoderRunner
from .names import NameExamples
from .settings import (
    PriorT,
    check_not_negative,
    check_temperature,
    check_top_k,
    read_prior,
)

FORMAT = 1


class TaxonomyKeeper(TrainablePipe):
    """The side of a component that knows its labels: the taxonomy, what is made of it
    for training and prediction, the settings that can be changed after training, and
    all of it on disk.

    The arguments are those of TaxonomyPipe.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], Floats2d],
        name: str,
        *,
        loss: Callable[[Taxonomy], Any],
        settings: Dict[str, Any],
        scorer: Optional[Callable],
    ) -> None:
        check_settings(min_count=settings["min_count"], separator=settings["separator"])
        check_not_negative("kappa", settings["kappa"])
        check_not_negative("name_examples", settings["name_examples"])
        self.vocab = vocab
        self.model = model
        self.name = name
        self.make_loss = loss
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {
            "format": FORMAT,
            **settings,
            "names": [],
            "taxonomy": None,
        }
        self._taxonomy: Optional[Taxonomy] = None
        self._declared: List[str] = []
        self._encoding = EncoderRunner(model)
        # Lets others know that the encoder has changed.
        self.n_updates = 0
        self.prior = settings["prior"]
        self.temperature = settings["temperature"]
        self.cats_top_k = settings["cats_top_k"]
        register_extension()

    @property
    def taxonomy(self) -> Taxonomy:
        """RETURNS (Taxonomy): The label tree with its counts and pooled labels.

        RAISES (ValueError): L301 before initialize.
        """
        if self._taxonomy is None:
            raise ValueError(Errors.L301.format(name=self.name))
        return self._taxonomy

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The leaves, in the order of the columns."""
        return () if self._taxonomy is None else self._taxonomy.leaves

    @property
    def label_data(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Labels and counts, for 'spacy init labels'."""
        counts = dict(zip(self.taxonomy.leaves, self.taxonomy.counts))
        return {"counts": {**counts, **self.taxonomy.inner_counts}}

    @property
    def prior(self) -> PriorT:
        """RETURNS (PriorT): Which prior predictions are made with. Can be set."""
        return self.cfg["prior"]

    @prior.setter
    def prior(self, prior: PriorT) -> None:
        read_prior(prior)
        is_new = self.cfg["prior"] != prior
        self.cfg["prior"] = prior
        self._set_bias()
        if is_new:
            self.forget_fits("prior")

    @property
    def temperature(self) -> float:
        """RETURNS (float): What logits are divided by. Can be set."""
        return self.cfg["temperature"]

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        check_temperature(temperature)
        is_new = self.cfg["temperature"] != temperature
        self.cfg["temperature"] = temperature
        if is_new:
            self.forget_fits("temperature")

    @property
    def cats_top_k(self) -> Optional[int]:
        """RETURNS (Optional[int]): How many labels are written. Can be set."""
        return self.cfg["cats_top_k"]

    @cats_top_k.setter
    def cats_top_k(self, cats_top_k: Optional[int]) -> None:
        check_top_k(cats_top_k)
        self.cfg["cats_top_k"] = cats_top_k

    def add_label(self, label: str) -> int:
        """Declare a label before initialize, which then takes no others.

        RETURNS (int): 1, or 0 if the label is already there.
        RAISES (ValueError): L309 for a new label after initialize.
        """
        if label in self.labels or label in self._declared:
            return 0
        if self._taxonomy is not None:
            raise ValueError(Errors.L309.format(label=label, name=self.name))
        self._declared.append(label)
        return 1

    def forget_fits(self, setting: str) -> None:
        """Drop what was fitted to probabilities that a new setting changes."""

    def get_log_prior(self, taxonomy: Taxonomy) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): What 'prior' adds to the logits at 1.0, of shape
        (leaves,).
        """
        raise NotImplementedError

    def make_writer(self, taxonomy: Taxonomy) -> Any:
        """RETURNS (Any): A DecisionWriter for a taxonomy, which can have more labels
        than the component's.
        """
        raise NotImplementedError

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """RETURNS (bytes): The component. RAISES (ValueError): L301, see taxonomy."""
        self._store_taxonomy()
        return super().to_bytes(exclude=exclude)

    def to_disk(
        self, path: Path, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> None:
        """Write the component to a folder."""
        self._store_taxonomy()
        super().to_disk(path, exclude=exclude)

    def from_bytes(
        self, bytes_data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "TaxonomyKeeper":
        """RAISES (ValueError): L305 if a newer version wrote it."""
        super().from_bytes(bytes_data, exclude=exclude)
        return self._restore_taxonomy()

    def from_disk(
        self, path: Path, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "TaxonomyKeeper":
        """RAISES (ValueError): L305 if a newer version wrote it."""
        super().from_disk(path, exclude=exclude)
        return self._restore_taxonomy()

    def _store_taxonomy(self) -> None:
        self.cfg["taxonomy"] = self.taxonomy.to_dict()

    def _restore_taxonomy(self) -> "TaxonomyKeeper":
        if self.cfg["format"] > FORMAT:
            text = Errors.L305.format(found=self.cfg["format"], known=FORMAT)
            raise ValueError(text)
        self._encoding.clear()
        self._set_taxonomy(Taxonomy.from_dict(self.cfg["taxonomy"]))
        return self

    def _set_taxonomy(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self.cfg["taxonomy"] = taxonomy.to_dict()
        self.loss = self.make_loss(taxonomy)
        self._writer = self.make_writer(taxonomy)
        self._own = frozenset(taxonomy.leaves)
        n_docs = max(taxonomy.n_docs or sum(taxonomy.counts), 1)
        per_example = self.cfg["name_examples"] * len(taxonomy.leaves) / n_docs
        if not self._encoding.can_read_names:
            per_example = 0.0
        self._names = NameExamples(self.vocab, self.cfg["names"], per_example)
        self._set_bias()

    def _set_bias(self) -> None:
        if self._taxonomy is not None:
            self._bias = self.get_bias(self.cfg["prior"])

    def get_bias(self, prior: PriorT) -> numpy.ndarray:
        """Work out what turns the raw logits into those under a prior.

        prior (PriorT): See the property of this name.
        RETURNS (numpy.ndarray): float32 array of shape (leaves,), to be added.
        """
        wanted = read_prior(prior) * self.get_log_prior(self.taxonomy)
        trained = self.model.ops.to_numpy(self.loss.log_prior)
        return (wanted - trained).astype("float32")
