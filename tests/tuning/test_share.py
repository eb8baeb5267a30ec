import numpy
import pytest
import spacy
from spacy.training import Example

from spacy_longtail.evaluation.evidence import collect
from spacy_longtail.pipeline.encoding import RawScores
from spacy_longtail.tuning import Wish, tune
from spacy_longtail.tuning.settings import Settings, read_settings, write_settings
from spacy_longtail.tuning.share import choose_share

NAME = "longtail_textcat"
TERMS = {"@architectures": "spacy-longtail.TermSVM.v1", "share": 0.25}
LABELS = [f"label {i}" for i in range(6)]
TEXTS = [(f"{word} word{i}", f"label {i}") for i in range(6) for word in "pqrstuvw"]


def make_examples(nlp, texts=TEXTS):
    return [
        Example.from_dict(nlp.make_doc(text), {"cats": {label: 1.0}})
        for text, label in texts
    ]


@pytest.fixture
def nlp():
    nlp = spacy.blank("xx")
    nlp.add_pipe(NAME, config={"min_count": 0, "model": {"terms": TERMS}})
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.fixture
def dev(nlp):
    return make_examples(nlp, [(f"{text} and", label) for text, label in TEXTS])


@pytest.fixture
def evidence(nlp, dev):
    return collect(nlp, NAME, dev)


def give_logits(evidence, trained, terms):
    """What each part finds, at the present share."""
    raw = RawScores(0.75 * trained + 0.25 * terms, evidence.raw.similarity)
    return evidence._replace(raw=raw, terms=terms)


@pytest.fixture
def parts(evidence):
    """Logits that are right, and logits that aren't."""
    gold = evidence.predictions.gold_columns
    right = 10.0 * numpy.eye(len(LABELS), dtype="float32")[gold]
    wrong = numpy.random.RandomState(0).randn(*right.shape).astype("float32") * 10.0
    return right, wrong


@pytest.mark.parametrize("wish", [Wish(), Wish("accuracy"), Wish(prior="train")])
def test_the_better_part_gets_the_larger_share(evidence, parts, wish):
    (right, wrong), gold = parts, evidence.predictions.gold_columns
    found = choose_share(give_logits(evidence, wrong, right), gold, wish, 0.25)
    assert found >= 0.6
    assert choose_share(give_logits(evidence, right, wrong), gold, wish, 0.25) <= 0.1


def test_share_that_makes_no_difference_stays(evidence, parts):
    (right, _), gold = parts, evidence.predictions.gold_columns
    evidence = give_logits(evidence, right * 0.0, right * 0.0)
    assert choose_share(evidence, gold, Wish(), 0.25) == 0.25


def test_evidence_with_another_share_is_what_the_model_would_find(nlp, evidence):
    found = evidence.remix(0.5).raw.logits
    settings = Settings("uniform", 1.0, {}, 0.5, share=0.5)
    write_settings(nlp, NAME, settings)
    expected = nlp.get_pipe(NAME).get_raw_scores(evidence.docs).logits
    numpy.testing.assert_allclose(found, expected, atol=1e-4)
    assert evidence.remix(None) is evidence


def test_tuned_share_is_written_and_saved(nlp, dev, tmp_path):
    digest = nlp.get_pipe(NAME).digest
    settings = Settings("uniform", 1.0, {}, 0.5, share=0.7)
    write_settings(nlp, NAME, settings)
    assert read_settings(nlp, NAME).share == 0.7
    assert nlp.config["components"][NAME]["model"]["terms"]["share"] == 0.7
    assert nlp.get_pipe(NAME).digest != digest
    nlp.to_disk(tmp_path)
    copy = spacy.load(tmp_path)
    assert read_settings(copy, NAME) == settings
    assert copy("p word3").cats == nlp("p word3").cats


def test_tuning_says_what_the_share_is(nlp, dev):
    result = tune(nlp, dev, Wish(), even_if_worse=True)
    assert ("share", "0.250", f"{result.after.share:.3f}") in result.describe_settings()
    assert read_settings(nlp, NAME) == result.after
    assert result.to_dict()["after"]["share"] == result.after.share


@pytest.mark.filterwarnings("ignore:.*LW401")
def test_share_is_chosen_before_a_fallback_too(nlp, dev):
    fallback = nlp.add_pipe("zero_shot_fallback", config={"source": NAME})
    fallback.initialize(lambda: make_examples(nlp), nlp=nlp)
    result = tune(nlp, dev, Wish(), even_if_worse=True)
    assert read_settings(nlp, NAME).share == result.after.share
    assert result.scores["accuracy"].after.value == 1.0


def test_pipeline_without_terms_has_no_share():
    nlp = spacy.blank("xx")
    nlp.add_pipe(NAME, config={"min_count": 0})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    result = tune(nlp, examples, Wish(), even_if_worse=True)
    assert result.after.share is None
    assert "share" not in [row[0] for row in result.describe_settings()]
