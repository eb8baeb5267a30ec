import warnings
from dataclasses import replace
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Type, cast

import numpy
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ...errors import Errors, Warnings
from ...vectors.local_model import describe_failure, find_model, survive_fork
from .windows import Windows, batch_windows, get_limit, pad_windows, split_windows


class PieceSums(NamedTuple):
    """Sums over the word pieces of documents.

    X (Floats2d): Sum of the last hidden states of each document, (docs, width).
    counts (numpy.ndarray): Word pieces of each document, of shape (docs,).
    backprop (Callable): Takes the gradient of X.
    """

    X: Floats2d
    counts: numpy.ndarray
    backprop: Callable[[Floats2d], List[Doc]]


class PieceReader:
    """Reads the word pieces of a transformer, as a library has them.

    model (Model): The layer "pooled_transformer".
    source (Any): The layer of the library.
    """

    def __init__(self, model: Model[List[Doc], Floats2d], source: Any) -> None:
        self.model = model
        self.source = source

    @staticmethod
    def can_read(node: Model) -> bool:
        """RETURNS (bool): Whether a layer is of this library."""
        raise NotImplementedError

    def initialize(self) -> None:
        """Load the weights.

        RAISES (ValueError): L211 if that can't be.
        """

    def sum_pieces(self, docs: List[Doc], is_train: bool) -> PieceSums:
        """RETURNS (PieceSums): Sums over all word pieces of each document."""
        raise NotImplementedError


class SpacyTransformersReader(PieceReader):
    """Runs a TransformerModel of spacy-transformers on documents, in windows."""

    @staticmethod
    def can_read(node: Model) -> bool:
        return "set_transformer" in node.attrs

    def initialize(self) -> None:
        name = str(self.source.attrs["name"])
        self.source.attrs["name"] = find_model(name)
        try:
            self.source.initialize()
        except Exception as err:
            raise ValueError(describe_failure(name, err)) from err

    def sum_pieces(self, docs: List[Doc], is_train: bool) -> PieceSums:
        from thinc.api import torch2xp, xp2torch

        ops, source = self.model.ops, self.source
        wrapper, tokenizer = source.layers[0], source.tokenizer
        spans = source.attrs["get_spans"](docs)
        pairs = [
            (row, span.text)
            for row, group in enumerate(spans)
            for span in group
            if span.text.strip()
        ]
        survive_fork()
        window = self.model.attrs["window"]
        limit = get_limit(tokenizer, source.transformer.config, window)
        windows = split_windows(tokenizer, [text for _, text in pairs], limit)
        owners = numpy.asarray([pairs[i][0] for i in windows.owners], dtype="int32")
        X = self.model.ops.alloc2f(len(docs), self.model.get_dim("nO"))
        counts = numpy.zeros(len(docs), dtype="int64")
        backprops = []
        if is_train:
            set_trainable(source.transformer, self.model.attrs["trainable_layers"])
        for batch in batch_windows(windows):
            pieces = pad_windows(windows, batch, tokenizer.pad_token_id or 0)
            output, backprop_output = wrapper(pieces, is_train)
            states = output.last_hidden_state
            mask = xp2torch(pieces.attention_mask, device=states.device)
            sums = (states.detach() * mask[:, :, None]).sum(dim=1)
            rows = ops.asarray1i(owners[batch])
            ops.scatter_add(X, rows, cast(Floats2d, torch2xp(sums, ops=ops)))
            n_pieces = pieces.attention_mask.sum(1).astype(int)
            numpy.add.at(counts, owners[batch], n_pieces)
            if is_train:
                backprops.append((rows, mask, backprop_output))

        def backprop(dX: Floats2d) -> List[Doc]:
            while backprops:
                rows, mask, backprop_output = backprops.pop()
                d_sums = xp2torch(ops.as_contig(dX[rows]), device=mask.device)
                d_states = d_sums[:, None] * mask[:, :, None]
                backprop_output({"last_hidden_state": d_states})
            return docs

        return PieceSums(X, counts, backprop)


class ListenerReader(PieceReader):
    """Reads what a TransformerListener of spacy-transformers hears."""

    @staticmethod
    def can_read(node: Model) -> bool:
        return hasattr(node, "upstream_name")

    def sum_pieces(self, docs: List[Doc], is_train: bool) -> PieceSums:
        heard, backprop_heard = self.source(docs, is_train)
        X = self.model.ops.alloc2f(len(docs), self.model.get_dim("nO"))
        counts = numpy.zeros(len(docs), dtype="int64")
        masks: List[Any] = []
        for row, (doc, data) in enumerate(zip(docs, heard)):
            states = data.model_output.get("last_hidden_state")
            masks.append(None)
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
            for data, mask, d_doc in zip(heard, masks, dX):
                if mask is not None:
                    d_output = type(data.model_output)(last_hidden_state=mask * d_doc)
                    d_heard.append(replace(data, model_output=d_output))
            return backprop_heard(d_heard)

        return PieceSums(X, counts, backprop)


class CuratedReader(PieceReader):
    """Runs a transformer of spacy-curated-transformers on documents, in windows.

    Its own way leaves out what stands for the begin and the end of a text, which
    belongs to a sentence encoder's mean.
    """

    @staticmethod
    def can_read(node: Model) -> bool:
        return "piece_encoder" in node.ref_names

    def initialize(self) -> None:
        loaders: Dict[str, Optional[Callable]] = self.model.attrs["loaders"]
        source = self.source
        name = str(getattr(loaders["piece_encoder"], "name", source.name))
        try:
            for ref, loader in loaders.items():
                if loader is not None:
                    source.get_ref(ref).init = loader
            source.initialize(X=[Doc(Vocab(), words=["a"])])
        except Exception as err:
            raise ValueError(describe_failure(name, err)) from err

    def sum_pieces(self, docs: List[Doc], is_train: bool) -> PieceSums:
        ops, transformer = self.model.ops, self.source.get_ref("transformer")
        survive_fork()
        transformer.attrs["_all_layer_outputs"] = False
        windows = self.split_pieces(docs)
        X = self.model.ops.alloc2f(len(docs), self.model.get_dim("nO"))
        counts = numpy.zeros(len(docs), dtype="int64")
        backprops = []
        if is_train:
            n_layers = self.model.attrs["trainable_layers"]
            set_trainable(transformer.shims[0]._model, n_layers)
        for batch in batch_windows(windows):
            ids = [ops.asarray1i(windows.rows[i]["input_ids"]) for i in batch]
            output, backprop_output = transformer(ids, is_train)
            rows = [windows.owners[i] for i in batch]
            for row, states in zip(rows, output.last_hidden_layer_states):
                X[row] += states.sum(axis=0)
                counts[row] += len(states)
            backprops.append((rows, [len(x) for x in ids], backprop_output))

        def backprop(dX: Floats2d) -> List[Doc]:
            while is_train and backprops:
                rows, lengths, backprop_output = backprops.pop()
                d_states = [
                    [ops.xp.repeat(dX[row : row + 1], length, axis=0)]
                    for row, length in zip(rows, lengths)
                ]
                backprop_output(d_states)
            return docs

        return PieceSums(X, counts, backprop)

    def split_pieces(self, docs: List[Doc]) -> Windows:
        """RETURNS (Windows): The documents with text, see split_windows."""
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


READERS: List[Type[PieceReader]] = [
    SpacyTransformersReader,
    ListenerReader,
    CuratedReader,
]


def find_reader(model: Model[List[Doc], Floats2d]) -> PieceReader:
    """RETURNS (PieceReader): Who reads the transformer of "pooled_transformer".

    RAISES (ValueError): L212 if nobody does.
    """
    for node in model.layers[0].walk():
        for reader in READERS:
            if reader.can_read(node):
                return reader(model, node)
    raise ValueError(Errors.L212.format(found=model.layers[0].name))


def set_trainable(transformer: Any, n_layers: Optional[int]) -> None:
    """Let only the last layers of a transformer learn, and what stands after them.

    transformer (Any): A PyTorch model.
    n_layers (Optional[int]): How many layers learn. None for everything, the
        embeddings included.
    """
    from torch.nn import ModuleList

    stacks = [m for m in transformer.modules() if isinstance(m, ModuleList)]
    # The layers are what a transformer has the most parameters in.
    layers = max(stacks, key=_count_parameters, default=ModuleList())
    first = 0 if n_layers is None else max(len(layers) - n_layers, 0)
    held = {id(p) for layer in layers[:first] for p in layer.parameters()}
    inside = {id(p) for p in layers.parameters()}
    is_before = n_layers is not None
    for parameter in transformer.parameters():
        # Parameters come in the order of the modules, so embeddings come first.
        is_before = is_before and id(parameter) not in inside
        parameter.requires_grad_(not is_before and id(parameter) not in held)


def _count_parameters(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _warn_if_cut(doc: Doc, data: Any) -> None:
    lengths = data.align.lengths
    if len(lengths) != len(doc) or lengths.all():
        return
    is_word = doc.to_array([IS_SPACE]) == 0
    if is_word[numpy.asarray(lengths) == 0].any():
        warnings.warn(Warnings.LW201.format(text=doc.text[:60]), stacklevel=2)
