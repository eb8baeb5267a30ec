from thinc.api import chain

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
    """
    model: EncoderT = chain(encoder, output)
    model.set_ref("encoder", encoder)
    model.set_ref("output", output)
    return model
