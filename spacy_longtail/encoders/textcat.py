from typing import Callable, List, Optional, Tuple

from spacy.tokens import Doc
from thinc.api import Model, chain
from thinc.types import Floats2d

from ..errors import Errors
from .contract import EncoderT, OutputT, mix_terms


def build_taxonomy_textcat(
    encoder: EncoderT, output: OutputT, terms: Optional[EncoderT] = None
) -> EncoderT:
    """Build a text categorizer from an encoder and an output layer.

    Registered as "spacy-longtail.TaxonomyTextCat.v1". The component gives the output
    layer its taxonomy and start before the first update.

    encoder (Model[List[Doc], Floats2d]): One vector per document. What it and the
        output can offer beside is in spacy_longtail/encoders/contract.py.
    output (Model[Floats2d, Floats2d]): Vectors to logits over the leaves.
    terms (Optional[Model[List[Doc], Floats2d]]): Documents to logits, which those of
        the output are mixed with in prediction, "spacy-longtail.TermRidge.v1". It is
        fitted when the pipeline is initialized.
    RETURNS (Model[List[Doc], Floats2d]): Documents to logits over the leaves, an
        array of shape (docs, leaves).
    RAISES (ValueError): L348 if one of them is no layer.
    """
    parts = [("encoder", encoder), ("output", output)]
    for part, found in parts + ([] if terms is None else [("terms", terms)]):
        if not isinstance(found, Model) or not (
            part != "terms" or {"fit", "blend", "shift"} <= {*found.attrs}
        ):
            text = Errors.L348.format(part=f"model.{part}", found=f"{found!r:.80}")
            raise ValueError(text)
    model: EncoderT = chain(encoder, output)
    if terms is not None:
        model = Model("mix_terms", forward_mixed, layers=[model, terms])
        model.set_ref("terms", terms)
    model.set_ref("encoder", encoder)
    model.set_ref("output", output)
    return model


def forward_mixed(
    model: EncoderT, docs: List[Doc], is_train: bool
) -> Tuple[Floats2d, Callable]:
    """What is trained is the first layer alone."""
    Z, backprop = model.layers[0](docs, is_train)
    if is_train:
        return Z, backprop
    ops = model.ops
    return ops.asarray2f(mix_terms(model, docs, ops.to_numpy(Z))), backprop
