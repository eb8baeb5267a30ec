import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Optional, Tuple, cast

import numpy
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d

from ...errors import Errors, Warnings
from ...vectors.local_model import explain_failure, find_model, survive_fork
from ..contract import EncoderT
from .windows import Windows, batch_windows, get_limit, pad_windows, split_windows

# Sums of the last hidden states, (windows, width), and what takes their gradient.
WindowSumsT = Tuple[Floats2d, Callable[[Floats2d], Any]]
# The same of all word pieces of each document, and their numbers in between.
PieceSumsT = Tuple[Floats2d, numpy.ndarray, Callable[[Floats2d], List[Doc]]]


@dataclass
class PieceReader(ABC):
    """Reads the word pieces of a transformer, as a library has them.

    model (Model): The layer "pooled_transformer".
    source (Any): The layer of the library.
    """

    model: EncoderT
    source: Any

    @staticmethod
    @abstractmethod
    def can_read(node: Model) -> bool:
        """RETURNS (bool): Whether a layer is of this library."""

    def initialize(self) -> None:
        """Load the weights, or raise L211."""
        return  # Nothing to load where another component runs the transformer.

    @abstractmethod
    def sum_pieces(self, docs: List[Doc], is_train: bool) -> PieceSumsT:
        """Sum the last hidden states of all word pieces of each document."""


class WindowReader(PieceReader):
    """Runs the transformer itself, in windows."""

    @abstractmethod
    def get_module(self) -> Any:
        """RETURNS (Any): The transformer, as PyTorch has it."""

    @abstractmethod
    def split(self, docs: List[Doc]) -> Windows:
        """RETURNS (Windows): Windows of the documents that have text."""

    @abstractmethod
    def run(self, batch: List[List[int]], is_train: bool) -> WindowSumsT:
        """Run the transformer on the word pieces of some windows."""

    def sum_pieces(self, docs: List[Doc], is_train: bool) -> PieceSumsT:
        ops = self.model.ops
        survive_fork()
        windows = self.split(docs)
        owners = numpy.asarray(windows.owners, dtype="int32")
        pieces = [row["input_ids"] for row in windows.rows]
        counts = numpy.bincount(owners, list(map(len, pieces)), minlength=len(docs))
        X = ops.alloc2f(len(docs), self.model.get_dim("nO"))
        backprops = []
        if is_train:
            set_trainable(self.get_module(), self.model.attrs["trainable_layers"])
        for batch in batch_windows(windows):
            sums, backprop_sums = self.run([pieces[i] for i in batch], is_train)
            rows = ops.asarray1i(owners[batch])
            ops.scatter_add(X, rows, sums)
            if is_train:
                backprops.append((rows, backprop_sums))

        def backprop(dX: Floats2d) -> List[Doc]:
            while backprops:
                rows, backprop_sums = backprops.pop()
                backprop_sums(ops.as_contig(dX[rows]))
            return docs

        return X, counts.astype("int64"), backprop


class SpacyTransformersReader(WindowReader):
    """Runs a TransformerModel of spacy-transformers."""

    @staticmethod
    def can_read(node: Model) -> bool:
        return "set_transformer" in node.attrs

    def initialize(self) -> None:
        name = str(self.source.attrs["name"])
        self.source.attrs["name"] = find_model(name)
        with explain_failure(name):
            self.source.initialize()

    def get_module(self) -> Any:
        return self.source.transformer

    def split(self, docs: List[Doc]) -> Windows:
        groups = enumerate(self.source.attrs["get_spans"](docs))
        pairs = [(row, span.text) for row, group in groups for span in group]
        pairs = [(row, text) for row, text in pairs if text.strip()]
        tokenizer, config = self.source.tokenizer, self.source.transformer.config
        limit = get_limit(tokenizer, config, self.model.attrs["window"])
        windows = split_windows(tokenizer, [text for _, text in pairs], limit)
        return windows._replace(owners=[pairs[i][0] for i in windows.owners])

    def run(self, batch: List[List[int]], is_train: bool) -> WindowSumsT:
        pieces = pad_windows(batch, self.source.tokenizer.pad_token_id or 0)
        output, backprop_output = self.source.layers[0](pieces, is_train)
        states = output.last_hidden_state
        mask = xp2torch(pieces.attention_mask, device=states.device)[:, :, None]
        sums = torch2xp((states.detach() * mask).sum(dim=1), ops=self.model.ops)

        def backprop(d_sums: Floats2d) -> Any:
            d_states = xp2torch(d_sums, device=mask.device)[:, None] * mask
            return backprop_output({"last_hidden_state": d_states})

        return cast(Floats2d, sums), backprop


class ListenerReader(PieceReader):
    """Reads what a TransformerListener of spacy-transformers hears."""

    @staticmethod
    def can_read(node: Model) -> bool:
        return hasattr(node, "upstream_name")

    def sum_pieces(self, docs: List[Doc], is_train: bool) -> PieceSumsT:
        heard, backprop_heard = self.source(docs, is_train)
        X = self.model.ops.alloc2f(len(docs), self.model.get_dim("nO"))
        counts = numpy.zeros(len(docs), dtype="int64")
        masks: Dict[int, Any] = {}
        for row, (doc, data) in enumerate(zip(docs, heard)):
            states = data.model_output.get("last_hidden_state")
            if states is None or not states.size:
                continue
            _warn_if_cut(doc, data)
            mask = data.wordpieces.attention_mask * bool(doc.text.strip())
            masks[row] = self.model.ops.asarray_f(mask[:, :, None], dtype="float32")
            X[row] = (states * masks[row]).sum(axis=(0, 1))
            counts[row] = int(mask.sum())

        def backprop(dX: Floats2d) -> List[Doc]:
            # The component that is listened to leaves out empty documents too.
            d_heard = []
            for row, mask in masks.items():
                output = type(heard[row].model_output)(last_hidden_state=mask * dX[row])
                d_heard.append(replace(heard[row], model_output=output))
            return backprop_heard(d_heard)

        return X, counts, backprop


class CuratedReader(WindowReader):
    """Runs a transformer of spacy-curated-transformers.

    Its own way leaves out what stands for the begin and the end of a text, which
    belongs to a sentence encoder's mean.
    """

    @staticmethod
    def can_read(node: Model) -> bool:
        return "piece_encoder" in node.ref_names

    def initialize(self) -> None:
        source, loaders = self.source, self.model.attrs["loaders"]
        name = str(getattr(loaders["piece_encoder"], "name", source.name))
        with explain_failure(name):
            for ref, loader in loaders.items():
                if loader is not None:
                    source.get_ref(ref).init = loader
            source.initialize(X=[Doc(Vocab(), words=["a"])])

    def get_module(self) -> Any:
        return self.source.get_ref("transformer").shims[0]._model

    def split(self, docs: List[Doc]) -> Windows:
        owners = [row for row, doc in enumerate(docs) if doc.text.strip()]
        encoder, windows = self.source.get_ref("piece_encoder"), Windows([], [])
        found = encoder.predict([docs[row] for row in owners]) if owners else []
        length = self.model.attrs["window"] - 2
        for owner, pieces in zip(owners, found):
            begin, *inner, end = pieces.dataXd.ravel().tolist()
            for start in range(0, max(len(inner), 1), length):
                part = inner[start : start + length]
                windows.rows.append({"input_ids": [begin, *part, end]})
                windows.owners.append(owner)
        return windows

    def run(self, batch: List[List[int]], is_train: bool) -> WindowSumsT:
        ops, transformer = self.model.ops, self.source.get_ref("transformer")
        transformer.attrs["_all_layer_outputs"] = False
        ids = [ops.asarray1i(pieces) for pieces in batch]
        output, backprop_output = transformer(ids, is_train)
        sums = [states.sum(axis=0) for states in output.last_hidden_layer_states]

        def backprop(d_sums: Floats2d) -> Any:
            pairs = zip(d_sums, batch)
            d_states = [ops.xp.tile(d_sum, (len(ids), 1)) for d_sum, ids in pairs]
            return backprop_output([[d_output] for d_output in d_states])

        return ops.xp.stack(sums), backprop


def find_reader(model: EncoderT) -> PieceReader:
    """RETURNS (PieceReader): Who reads the transformer of "pooled_transformer".

    RAISES (ValueError): L212 if nobody does.
    """
    for node in model.layers[0].walk():
        for reader in (SpacyTransformersReader, ListenerReader, CuratedReader):
            if reader.can_read(node):
                return reader(model, node)
    raise ValueError(Errors.L212.format(found=model.layers[0].name))


def set_trainable(transformer: Any, n_layers: Optional[int]) -> None:
    """Let only the last layers of a PyTorch model learn, and what stands after them;
    None for everything, the embeddings included.
    """
    from torch.nn import ModuleList

    stacks = [m for m in transformer.modules() if isinstance(m, ModuleList)]
    # The layers are what a transformer has the most parameters in.
    sizes = [sum(p.numel() for p in stack.parameters()) for stack in stacks]
    layers = stacks[numpy.argmax(sizes)] if stacks else ModuleList()
    first = 0 if n_layers is None else max(len(layers) - n_layers, 0)
    held = {id(p) for layer in layers[:first] for p in layer.parameters()}
    inside = {id(p) for p in layers.parameters()}
    is_before = n_layers is not None
    for parameter in transformer.parameters():
        # Parameters come in the order of the modules, so embeddings come first.
        is_before = is_before and id(parameter) not in inside
        parameter.requires_grad_(not is_before and id(parameter) not in held)


def _warn_if_cut(doc: Doc, data: Any) -> None:
    lengths = data.align.lengths
    if len(lengths) != len(doc) or lengths.all():
        return
    is_word = doc.to_array([IS_SPACE]) == 0
    if is_word[numpy.asarray(lengths) == 0].any():
        warnings.warn(Warnings.LW201.format(text=doc.text[:60]), stacklevel=2)
