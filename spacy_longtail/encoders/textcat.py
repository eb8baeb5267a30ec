from thinc.api import Model, chain

from ..errors import Errors
from .contract import EncoderT, OutputT


def build_taxonomy_textcat(encoder: EncoderT, output: OutputT) -> EncoderT:
    """Build a text categorizer from an encoder and an output layer.

    Registered as "spacy-longtail.TaxonomyTextCat.v1". The component gives the output
    layer its taxonomy and start before the first update.

    encoder (Model[List[Doc], Floats2d]): One vector per document. What it and the
        output can offer beside is in spacy_longtail/encoders/contract.py.
    output (Model[Floats2d, Floats2d]): Vectors to logits over the leaves.
    RETURNS (Model[List[Doc], Floats2d]): Documents to logits over the leaves, an
        array of shape (docs, leaves).
    RAISES (ValueError): L348 if one of them is no layer.
    """
    for part, found in (("encoder", encoder), ("output", output)):
        if not isinstance(found, Model):
            text = Errors.L348.format(part=f"model.{part}", found=f"{found!r:.80}")
            raise ValueError(text)
    model: EncoderT = chain(encoder, output)
    model.set_ref("encoder", encoder)
    model.set_ref("output", output)
    return model
