"""A folder that is half of one save and half of another."""

import json
import shutil
import warnings

import numpy
import pytest
import spacy


@pytest.fixture
def nlp(kind):
    nlp = kind.load_pair()
    nlp.meta["performance"] = {"longtail_macro_f": 0.5, "longtail_f_per_label": {}}
    return nlp


@pytest.fixture
def folder(nlp, tmp_path):
    nlp.to_disk(tmp_path / "saved")
    return tmp_path / "saved"


def edit_meta(folder, **values):
    path = folder / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def load_silently(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return spacy.load(folder)


def test_vectors_that_were_changed_are_those_of_the_next_save(nlp, folder):
    """spaCy writes the vocabulary after the components."""
    nlp.vocab.set_vector("card", numpy.ones(3, dtype="float32"))
    nlp.to_disk(folder)
    assert load_silently(folder).vocab["card"].vector.tolist() == [1.0, 1.0, 1.0]


def test_vocabulary_of_another_save_is_refused_from_the_first_on(nlp, folder, tmp_path):
    nlp.vocab.set_vector("card", numpy.ones(3, dtype="float32"))
    nlp.to_disk(tmp_path / "other")
    for file in ("vectors", "key2row"):
        shutil.copy(folder / "vocab" / file, tmp_path / "other" / "vocab")
    with pytest.raises(ValueError, match=r"\[L360\].*key2row of .*saved beside"):
        spacy.load(tmp_path / "other")


def test_vocabulary_that_is_missing_is_said(folder):
    shutil.rmtree(folder / "vocab")
    with pytest.warns(UserWarning, match=r"\[LW306\].*key2row.*vectors"):
        spacy.load(folder)


def test_scores_of_another_save_are_said(folder):
    edit_meta(folder, performance={"longtail_macro_f": 0.75})
    with pytest.warns(UserWarning, match=r"\[LW305\].*meta.json aren't those"):
        spacy.load(folder)


def test_the_rest_of_the_meta_can_be_edited(folder):
    edit_meta(folder, name="tickets", version="1.2.3", description="By hand")
    assert load_silently(folder).meta["version"] == "1.2.3"
