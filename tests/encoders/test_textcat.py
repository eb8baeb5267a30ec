import numpy
import spacy
from numpy.testing import assert_allclose, assert_array_equal

from spacy_longtail.encoders.contract import set_start
from spacy_longtail.encoders.static_bag.architecture import build_static_bag
from spacy_longtail.encoders.textcat import build_taxonomy_textcat
from spacy_longtail.outputs.prototype_softmax import PrototypeSoftmax
from spacy_longtail.taxonomy import Taxonomy
from spacy_longtail.vectors.table import StaticTable

TAXONOMY = Taxonomy(leaves=("bank/card", "bank/fee", "visa"), counts=(3, 3, 3))
TABLE = StaticTable.from_arrays(["card", "fee"], numpy.eye(2), name="test")


def make_model():
    encoder = build_static_bag(TABLE)
    model = build_taxonomy_textcat(encoder, PrototypeSoftmax(scale=5.0))
    prototypes = numpy.asarray([[1, 0], [0, 1], [-1, 0]], dtype="float32")
    output = model.get_ref("output")
    set_start(output, TAXONOMY, prototypes)
    return model


def test_maps_documents_to_logits_over_the_leaves():
    nlp = spacy.blank("en")
    logits = make_model().predict([nlp("card"), nlp("fee"), nlp("")])
    assert_allclose(logits, [[5, 0, -5], [0, 5, 0], [0, 0, 0]], atol=1e-5)


def test_is_its_encoder_and_then_its_output():
    model, nlp = make_model(), spacy.blank("en")
    docs = [nlp("card fee"), nlp("fee")]
    X = model.get_ref("encoder").predict(docs)
    assert_array_equal(model.get_ref("output").predict(X), model.predict(docs))


def test_bytes_round_trip_predicts_the_same():
    model, docs = make_model(), [spacy.blank("en")("card fee")]
    loaded = build_taxonomy_textcat(build_static_bag(TABLE), PrototypeSoftmax())
    loaded.from_bytes(model.to_bytes())
    assert_array_equal(loaded.predict(docs), model.predict(docs))
