"""Messages in which spaCy sends a Doc to another process."""

import catalogue
import pytest
import spacy
import srsly
from spacy.tokens import Doc
from srsly.msgpack import msgpack_decoders, msgpack_encoders

from spacy_longtail.messages import remember_functions

REGISTRIES = [msgpack_encoders, msgpack_decoders]


def make_doc():
    doc = spacy.blank("xx")("a text")
    doc.cats, doc.user_data["longtail"] = {"a": 0.5}, b"\0\1"
    return doc


def test_nothing_is_looked_for_again(monkeypatch):
    def look(self):
        raise AssertionError("the environment was searched")

    doc = make_doc()
    data = doc.to_bytes()
    copy = Doc(doc.vocab).from_bytes(data)
    monkeypatch.setattr(catalogue.Registry, "get_entry_points", look)
    assert doc.to_bytes() == copy.to_bytes() == data
    assert Doc(doc.vocab).from_bytes(data).user_data == doc.user_data


@pytest.mark.parametrize("registry", REGISTRIES)
def test_functions_are_those_that_are_registered(registry):
    assert registry.get_all() == type(registry).get_all(registry)
    assert "numpy" in registry.get_all()
    # What a caller does with the answer is its own affair.
    registry.get_all().clear()
    assert "numpy" in registry.get_all()


def test_new_function_is_used_at_once():
    class Money:
        pass

    with pytest.raises(TypeError):
        srsly.msgpack_dumps(Money())

    def make_encoder(text):
        def encode(value, chain=None):
            return text if isinstance(value, Money) else chain(value)

        return encode

    key = (*msgpack_encoders.namespace, "money")
    try:
        for text in ("euro", "dollar"):
            msgpack_encoders.register("money", func=make_encoder(text))
            assert srsly.msgpack_loads(srsly.msgpack_dumps(Money())) == text
    finally:
        catalogue.REGISTRY.pop(key, None)
    with pytest.raises(TypeError):
        srsly.msgpack_dumps(Money())


def test_new_function_in_the_place_of_another_one_is_used():
    """As many functions are registered as before."""
    spacy.registry.misc.register("to_be_removed", func=len)
    before = srsly.msgpack_dumps({})
    catalogue.REGISTRY.pop((*spacy.registry.misc.namespace, "to_be_removed"))
    key = (*msgpack_encoders.namespace, "set")
    try:
        msgpack_encoders.register("set", func=lambda x, chain=None: sorted(x))
        assert srsly.msgpack_loads(srsly.msgpack_dumps({2, 1})) == [1, 2]
    finally:
        catalogue.REGISTRY.pop(key, None)
    assert srsly.msgpack_dumps({}) == before


def test_remembering_twice_changes_nothing():
    before = msgpack_encoders.get_all
    remember_functions()
    assert msgpack_encoders.get_all is before
