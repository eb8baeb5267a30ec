from typing import Any, Callable, List, Optional

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ...ops import ForwardT, normalize_rows
from ...settings import check_at_least
from ..contract import EncoderT
from .readers import find_reader

NAME = "PooledTransformer"


def build_pooled_transformer(
    transformer: Model[List[Doc], Any],
    *,
    trainable_layers: Optional[int] = None,
    window: int = 256,
    normalize: bool = True,
    encoder_loader: Optional[Callable] = None,
    piecer_loader: Optional[Callable] = None,
) -> EncoderT:
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
    model: EncoderT = Model(
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
            "loaders": {"transformer": encoder_loader, "piece_encoder": piecer_loader},
        },
    )
    find_reader(model)
    return model


def forward(model: EncoderT, docs: List[Doc], is_train: bool) -> ForwardT:
    X, n_pieces, backprop_sums = find_reader(model).sum_pieces(docs, is_train)
    counts = model.ops.asarray2f(numpy.maximum(n_pieces, 1)[:, None], dtype="float32")
    Y, backprop_norm = X / counts, None
    if model.attrs["normalize"]:
        Y, backprop_norm = normalize_rows(Y)

    def backprop(dY: Floats2d) -> List[Doc]:
        dX = backprop_norm(dY) if backprop_norm else dY
        return backprop_sums(dX * (get_grad_factor(model) / counts))

    return Y, backprop


def init(model: EncoderT, X: Optional[List[Doc]] = None, Y: Any = None) -> None:
    reader = find_reader(model)
    reader.initialize()
    model.set_dim("nO", reader.source.get_dim("nO"), force=True)


def get_grad_factor(model: EncoderT) -> float:
    """RETURNS (float): The 'grad_factor' of the transformer's block, if it has one."""
    factors = [node.attrs.get("grad_factor") for node in model.layers[0].walk()]
    return next((factor for factor in factors if factor is not None), 1.0)
