import json
import pickle
import subprocess
import sys

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin

from spacy_longtail.pipeline.decision import (
    Decision,
    abstain,
    back_off,
    find_similarity,
    get_stored,
    read_decision,
    refine,
    register_extension,
    write_decision,
)
from spacy_longtail.pipeline.kinds.exclusive import ExclusiveLabels
from spacy_longtail.pipeline.stored import unpack_decision
from spacy_longtail.taxonomy import Other, Taxonomy

NLP = spacy.blank("xx")
LEAVES = ("bank/card/lost", "bank/card/stolen", "bank/fee", "gift", "visa")
TAXONOMY = Taxonomy(
    leaves=LEAVES,
    counts=(9, 1, 1, 1, 1),
    others=(Other("", (3, 4)), Other("bank", (1, 2))),
)


def describe(*P, taxonomy=TAXONOMY):
    P = numpy.asarray(P, dtype="float32")
    known = numpy.linspace(0.5, 1.0, len(P))
    writer = ExclusiveLabels("pipe").make_writer(taxonomy)
    _, stored = writer.describe(P, known, "longtail_textcat", "because")
    return [unpack_decision(data) for data in stored]


def make_decision(data):
    doc = NLP.make_doc("hello")
    doc.user_data["longtail"] = data
    return read_decision(doc)


def test_describes_each_document():
    first, second = describe([0.5, 0.25, 0.125, 0.125, 0], [0, 0, 0, 0.25, 0.75])
    assert make_decision(first) == Decision(
        label="bank/card/lost",
        path=("bank", "bank/card", "bank/card/lost"),
        probability=0.5,
        levels=(("bank", 0.875), ("bank/card", 0.75), ("bank/card/lost", 0.5)),
        other=("bank", 0.375),
        known=0.5,
        stage="longtail_textcat",
        reason="because",
        candidates=(
            *(("bank/card/lost", 0.5), ("bank/card/stolen", 0.25)),
            *(("bank/fee", 0.125), ("gift", 0.125), ("visa", 0.0)),
        ),
        labels=("bank/card/lost",),
        pipe="pipe",
    )
    assert make_decision(second).path == ("visa",)
    assert make_decision(second).other == ("", 1.0)


def test_no_other_if_nothing_is_pooled():
    plain = Taxonomy(leaves=LEAVES, counts=(9,) * 5)
    assert make_decision(describe([1, 0, 0, 0, 0], taxonomy=plain)[0]).other is None


def test_is_json():
    data = describe([0.5, 0.125, 0.125, 0.25, 0])[0]
    assert make_decision(json.loads(json.dumps(data))) == make_decision(data)


def test_no_level_is_above_1():
    """32-bit shares can sum to a little more."""
    share = numpy.nextafter(numpy.float32(0.5), numpy.float32(1.0))
    levels = dict(make_decision(describe([share, share, 0, 0, 0])[0]).levels)
    assert levels["bank"] == levels["bank/card"] == 1.0


def test_cannot_be_changed():
    decision = make_decision(describe([1, 0, 0, 0, 0])[0])
    with pytest.raises(AttributeError):
        decision.label = "gift"


def test_document_that_no_pipe_has_seen():
    assert read_decision(NLP.make_doc("hello")) is None


def test_registering_twice_keeps_the_first_extension():
    register_extension()
    before = Doc.get_extension("longtail")
    register_extension()
    assert Doc.get_extension("longtail") == before


def test_after_abstention_there_are_no_labels():
    data = describe([1, 0, 0, 0, 0])[0]
    assert make_decision({**data, "label": None}).labels == ()


def test_labels_of_a_pipe_that_gives_several_are_its_own():
    data = describe([1, 0, 0, 0, 0])[0]
    labels = ["bank/card/lost", "visa"]
    assert make_decision({**data, "labels": labels}).labels == tuple(labels)


def make_doc(nlp=NLP):
    doc = nlp.make_doc("hello")
    write_decision(doc, make_decision(describe([0.5, 0.25, 0.125, 0.125, 0])[0]))
    return doc


def test_decision_is_a_dict_of_json_values():
    decision = make_doc()._.longtail
    data = json.loads(json.dumps(decision))
    assert data == json.loads(srsly.json_dumps(decision)) == decision.to_dict()
    assert data["labels"] == [decision["label"]] == ["bank/card/lost"]
    assert data["path"] == ["bank", "bank/card", "bank/card/lost"]
    assert Decision.from_dict(data) == decision
    assert pickle.loads(pickle.dumps(decision)) == decision


def test_document_goes_to_json_and_back():
    doc, nothing = make_doc(), NLP.make_doc("hello")
    data = json.loads(json.dumps(doc.to_json(underscore=["longtail"])))
    copy = Doc(NLP.vocab).from_json(data)
    assert copy._.longtail == doc._.longtail
    assert copy.user_data["longtail"] == doc.user_data["longtail"]
    data = nothing.to_json(underscore=["longtail"])
    assert Doc(NLP.vocab).from_json(data)._.longtail is None


def test_importing_the_package_is_enough_to_read_a_saved_decision(tmp_path):
    path = tmp_path / "docs.spacy"
    DocBin(docs=[make_doc()], store_user_data=True).to_disk(path)
    code = f"""
import spacy_longtail
from spacy.tokens import DocBin
from spacy.vocab import Vocab
(doc,) = DocBin().from_disk({str(path)!r}).get_docs(Vocab())
print(doc._.longtail.label)
"""
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert child.stdout.strip() == "bank/card/lost"


def test_what_is_written_is_what_a_component_stores():
    for labels in ({}, {"labels": ["bank/card/lost", "visa"]}):
        data = {**describe([1, 0, 0, 0, 0])[0], **labels}
        doc = NLP.make_doc("hello")
        write_decision(doc, make_decision(data))
        assert get_stored(doc) == data


def test_second_stage_says_what_it_has_replaced():
    data = describe([0.5, 0.25, 0.125, 0.125, 0])[0]
    before, found = make_decision(data), describe([0, 1, 0, 0, 0])[0]
    refine(found, data, None, None)
    kept = make_decision(found)
    assert (kept.label, kept.first, kept.first_labels) == (
        *("bank/card/stolen", "bank/card/lost"),
        ("bank/card/lost",),
    )
    assert (kept.stage, kept.reason) == (before.stage, before.reason)
    refine(found, data, "better", None)
    assert make_decision(found).reason == "better"
    doc = NLP.make_doc("hello")
    write_decision(doc, kept)
    assert get_stored(doc)["first"] == "bank/card/lost"
    assert doc._.longtail == kept


def test_abstention_keeps_broad_categories_that_are_sure_enough():
    data = describe([0.5, 0.25, 0.125, 0.125, 0])[0]
    assert find_similarity(data) == pytest.approx(1.0, abs=1e-5)
    kept = make_decision(abstain(data, 0.7, "not sure"))
    assert (kept.label, kept.labels) == (None, ())
    assert (kept.path, kept.stage) == (("bank", "bank/card"), "abstained")
    assert kept.probability == pytest.approx(0.75, abs=1e-5)
    assert kept.reason == "not sure (known = 0.500)"
    assert make_decision(abstain(data, 0.0, "not sure")).path == ()


@pytest.mark.parametrize("labels", [{}, {"labels": ["bank/card/lost", "visa"]}])
def test_decision_changes_as_what_is_stored_does(labels):
    """One at a time it is an object; many at once are changed as they are stored."""
    data = {**describe([0.5, 0.25, 0.125, 0.125, 0])[0], **labels}
    decision = make_decision(data)
    assert decision.abstain(0.7, "no") == make_decision(abstain(data, 0.7, "no"))
    assert decision.back_off(0.9, 0.5) == make_decision(back_off(data, 0.9, 0.5))
    assert decision.back_off(0.6, 0.5).path == ("bank", "bank/card")
    assert decision.back_off(0.1, 0.5) == decision
    found = {**describe([0, 1, 0, 0, 0])[0], **labels}
    refined = make_decision(found).refine(decision, "better")
    refine(found, data, "better", found["other"])
    assert refined == make_decision(found)
    assert (refined.first, refined.reason) == ("bank/card/lost", "better")
    assert decision == make_decision(data)
