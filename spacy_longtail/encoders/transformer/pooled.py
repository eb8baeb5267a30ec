from typing import Any, Callable, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ...errors import Errors
from ...ops import backprop_unit_rows
from ...settings import check_at_least
from ...vectors.local_model import describe_failure, find_model
from .curated_pieces import sum_curated
from .heard_pieces import sum_heard
from .own_pieces import sum_windows
from .piece_sums import PieceReader

NAME = "PooledTransformer"
EPSILON = 1e-6


def build_pooled_transformer(
    transformer: Model[List[Doc], Any],
    *,
    trainable_layers: Optional[int] = None,
    window: int = 256,
    normalize: bool = True,
    encoder_loader: Optional[Callable] = None,
    piecer_loader: Optional[Callable] = None,
) -> Model[List[Doc], Floats2d]:
    """Build an encoder that averages the word pieces of a transformer.

    Registered as "spacy-longtail.PooledTransformer.v1". The vector of a document is
    the mean of the last hidden states of all its word pieces, special ones included,
    as sentence encoders have it. A text longer than a window is read in windows that
    follow each other, none of it is left out. The document's own text is read, so
    that spaCy's tokens don't matter.

    transformer (Model[List[Doc], Any]): "spacy-transformers.TransformerModel.v3", its
        name a folder, an installed package that has the function get_model_path, or
        a name on the hub; spans of its 'get_spans' that are longer than a window are
        split. "spacy-transformers.TransformerListener.v1" shares the transformer of
        another component. Or an architecture of spacy-curated-transformers, for
        example "spacy-curated-transformers.BertTransformer.v1".
    trainable_layers (Optional[int]): How many of its last layers learn. None for the
        whole transformer; 0 for none, each training text is encoded only once then.
    window (int): Most word pieces of a window, special ones included, from 8. Less
        where the transformer can't read as many.
    normalize (bool): Scale the result to unit length, as the prototypes are.
    encoder_loader (Optional[Callable]): What loads the weights of a curated
        transformer, one of "@model_loaders".
    piecer_loader (Optional[Callable]): What loads its piece encoder.
    RETURNS (Model[List[Doc], Floats2d]): Documents to an array of shape (docs,
        width). Documents without text are rows of zeros.
    RAISES (ValueError): L201 if a setting is out of range, L212 if the transformer
        isn't one of those; L211 if it can't be loaded, when it is initialized.
    """
    check_at_least(NAME, "window", window, 8)
    if trainable_layers is not None:
        check_at_least(NAME, "trainable_layers", trainable_layers, 0)
    loaders = {"transformer": encoder_loader, "piece_encoder": piecer_loader}
    model: Model[List[Doc], Floats2d] = Model(
        "pooled_transformer",
        forward,
        init=init,
        layers=[transformer],
        dims={"nO": None},
        attrs={
            "trainable_layers": trainable_layers,
            "window": window,
            "normalize": normalize,
            "is_frozen": trainable_layers == 0,
            "loaders": loaders,
        },
    )
    find_source(model)
    return model


def forward(
    model: Model[List[Doc], Floats2d], docs: List[Doc], is_train: bool
) -> Tuple[Floats2d, Callable]:
    source, sum_pieces = find_source(model)
    X, n_pieces, backprop_sums = sum_pieces(model, source, docs, is_train)
    counts = model.ops.asarray2f(numpy.maximum(n_pieces, 1)[:, None], dtype="float32")
    Y = X / counts
    norms = model.ops.xp.ones_like(counts)
    if model.attrs["normalize"]:
        norms = model.ops.xp.sqrt((Y * Y).sum(axis=1, keepdims=True))
        norms = model.ops.xp.maximum(norms, EPSILON)
        Y = Y / norms

    def backprop(dY: Floats2d) -> List[Doc]:
        dX = backprop_unit_rows(dY, Y, norms) if model.attrs["normalize"] else dY
        return backprop_sums(dX * (get_grad_factor(model) / counts))

    return Y, backprop


def init(
    model: Model[List[Doc], Floats2d],
    X: Optional[List[Doc]] = None,
    Y: Optional[Floats2d] = None,
) -> None:
    source, reader = find_source(model)
    loader = model.attrs["loaders"]["piece_encoder"]
    name = str(source.attrs.get("name") or getattr(loader, "name", source.name))
    if reader is sum_windows:
        source.attrs["name"] = find_model(name)
    try:
        if reader is sum_windows:
            source.initialize()
        elif reader is sum_curated:
            set_loaders(model, source)
            source.initialize(X=[Doc(Vocab(), words=["a"])])
    except Exception as err:
        raise ValueError(describe_failure(name, err)) from err
    model.set_dim("nO", source.get_dim("nO"), force=True)


def set_loaders(model: Model[List[Doc], Floats2d], source: Model) -> None:
    """Let a curated transformer initialize itself from what its loaders find."""
    for ref, loader in model.attrs["loaders"].items():
        if loader is not None:
            source.get_ref(ref).init = loader


def find_source(model: Model[List[Doc], Floats2d]) -> Tuple[Model, PieceReader]:
    """RETURNS (Tuple[Model, PieceReader]): The layer that has the word pieces, and
    who reads it.

    RAISES (ValueError): L212 if there is none.
    """
    for node in model.layers[0].walk():
        if "set_transformer" in node.attrs:
            return node, sum_windows
        if hasattr(node, "upstream_name"):
            return node, sum_heard
        if "piece_encoder" in node.ref_names:
            return node, sum_curated
    raise ValueError(Errors.L212.format(found=model.layers[0].name))


def get_grad_factor(model: Model[List[Doc], Floats2d]) -> float:
    """RETURNS (float): The 'grad_factor' of the transformer's block, if it has one."""
    factors = [node.attrs.get("grad_factor") for node in model.layers[0].walk()]
    return next((factor for factor in factors if factor is not None), 1.0)
