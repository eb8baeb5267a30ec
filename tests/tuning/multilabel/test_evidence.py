import numpy
import pytest
from spacy.language import Language
from spacy.training import Example

from spacy_longtail.tuning.multilabel.evidence import collect, predict_again
from spacy_longtail.tuning.multilabel.later import find_later
from spacy_longtail.tuning.multilabel.settings import read_settings

NAME = "longtail_textcat_multilabel"


@Language.component("halve_card", assigns=["doc.cats"])
def halve_card(doc):
    doc.cats["money/card"] /= 2
    return doc


@Language.component("fail_later")
def fail_later(doc):
    raise ValueError("later")


@Language.component("hide_card")
def hide_card(doc):
    doc.cats["money/card"] = 0.0
    return doc


@Language.component("abstain_from_cards")
def abstain_from_cards(doc):
    if "card" in doc.text:
        doc.user_data["longtail"].update(label=None, labels=[])
    return doc


def get_cats(nlp, examples):
    docs = nlp.pipe(eg.reference.text for eg in examples)
    return numpy.asarray([list(doc.cats.values()) for doc in docs])


def test_evidence_gives_what_the_pipeline_predicts(mixed_nlp, mixed_dev):
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    assert evidence.later == []
    expected = get_cats(mixed_nlp, mixed_dev)
    numpy.testing.assert_allclose(evidence.answers.scores, expected, atol=1e-6)
    pipe = mixed_nlp.get_pipe(NAME)
    for prior, temperature in (("uniform", 1.0), (0.4, 0.5)):
        pipe.prior, pipe.temperature = prior, temperature
        expected = get_cats(mixed_nlp, mixed_dev)
        found = evidence.get_probabilities(prior, temperature)
        numpy.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_later_components_make_of_it(mixed_nlp, mixed_dev):
    first = get_cats(mixed_nlp, mixed_dev)
    mixed_nlp.add_pipe("halve_card")
    mixed_nlp.add_pipe("sentencizer")
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    assert evidence.later == ["halve_card"], "which says that it writes doc.cats"
    first[:, evidence.answers.labels.index("money/card")] /= 2
    numpy.testing.assert_allclose(evidence.answers.scores, first, atol=1e-6)
    assert all(doc.cats == {} for doc in evidence.docs)


def test_fallback_is_a_later_stage_whatever_it_has_done(mixed_nlp, mixed_dev):
    fallback = mixed_nlp.add_pipe(
        "zero_shot_fallback", config={"source": NAME, "route_threshold": 1.0}
    )
    fallback.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    own = evidence.get_probabilities("train", 1.0)
    numpy.testing.assert_allclose(evidence.answers.scores, own, atol=1e-6)
    assert evidence.later == ["zero_shot_fallback"], "there is an Other"
    with mixed_nlp.select_pipes(disable="zero_shot_fallback"):
        assert collect(mixed_nlp, NAME, mixed_dev).later == []


@pytest.mark.filterwarnings("ignore:.*LW401")
def test_fallback_with_nothing_to_do_is_none(mixed_nlp, mixed_dev):
    pipe = mixed_nlp.add_pipe(NAME, name="all", config={"min_count": 0}, first=True)
    pipe.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    mixed_nlp.remove_pipe(NAME)
    fallback = mixed_nlp.add_pipe("zero_shot_fallback", config={"source": "all"})
    fallback.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    assert collect(mixed_nlp, "all", mixed_dev).later == []
    fallback.add_label("money/cash")
    assert collect(mixed_nlp, "all", mixed_dev).later == ["zero_shot_fallback"]
    fallback.remove_label("money/cash")
    fallback.settings.abstain_threshold = 0.01
    assert collect(mixed_nlp, "all", mixed_dev).later == ["zero_shot_fallback"]
    fallback.settings.abstain_threshold = 0.0
    assert not fallback.is_needed
    # It says that it can't use them, instead of leaving them unused.
    fallback.settings.thresholds = {"money": 0.5}
    assert fallback.is_needed


@pytest.mark.parametrize("batch_size", [7, 1000])
def test_prediction_under_other_settings(mixed_nlp, mixed_dev, batch_size):
    mixed_nlp.add_pipe("halve_card")
    mixed_nlp.batch_size = batch_size
    pipe = mixed_nlp.get_pipe(NAME)
    pipe.thresholds = {"money/card": 0.4}
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    found = predict_again(mixed_nlp, NAME, evidence, "uniform", 0.5)
    assert (pipe.prior, pipe.temperature) == ("train", 1.0)
    assert pipe.thresholds == {"money/card": 0.4}
    pipe.thresholds = {}
    pipe.prior, pipe.temperature = "uniform", 0.5
    expected = get_cats(mixed_nlp, mixed_dev)
    numpy.testing.assert_allclose(found.answers.scores, expected, atol=1e-6)


def test_labels_that_the_top_k_leaves_out(mixed_nlp, mixed_dev):
    mixed_nlp.add_pipe("halve_card")
    expected = collect(mixed_nlp, NAME, mixed_dev)
    pipe = mixed_nlp.get_pipe(NAME)
    pipe.cats_top_k = 1
    found = collect(mixed_nlp, NAME, mixed_dev)
    numpy.testing.assert_allclose(found.answers.scores, expected.answers.scores)
    assert found.later == expected.later
    assert pipe.cats_top_k == 1


def test_top_k_stays_after_an_error(mixed_nlp, mixed_dev):
    mixed_nlp.add_pipe("fail_later")
    pipe = mixed_nlp.get_pipe(NAME)
    pipe.cats_top_k = 2
    with pytest.raises(ValueError, match="later"):
        collect(mixed_nlp, NAME, mixed_dev)
    assert pipe.cats_top_k == 2


def test_later_component_that_does_not_say_what_it_writes(mixed_nlp, mixed_dev):
    mixed_nlp.add_pipe("hide_card")
    mixed_nlp.add_pipe("sentencizer")
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    assert evidence.later == ["hide_card", "sentencizer"]


def test_documents_that_have_abstained(mixed_nlp, mixed_dev):
    mixed_nlp.add_pipe("abstain_from_cards")
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    assert evidence.later == ["abstain_from_cards"]
    is_card = numpy.asarray(["card" in eg.reference.text for eg in mixed_dev])
    assert evidence.has_abstained.tolist() == is_card.tolist()
    thresholds = evidence.get_thresholds()
    assert set(thresholds[is_card].ravel()) == {2.0}
    assert set(thresholds[~is_card].ravel()) == {0.25}
    assert evidence.answers.scores[is_card].max() > 0.25


def test_components_that_change_nothing_are_no_matter(mixed_nlp, mixed_dev):
    mixed_nlp.add_pipe("sentencizer")
    textcat = mixed_nlp.add_pipe("textcat_multilabel")
    textcat.initialize(lambda: mixed_dev, nlp=mixed_nlp, labels=["something else"])
    assert find_later(mixed_nlp, NAME) == ["sentencizer", "textcat_multilabel"]
    assert collect(mixed_nlp, NAME, mixed_dev).later == []


def test_second_component_of_the_kind_is_left_out(mixed_nlp, mixed_dev):
    second = mixed_nlp.add_pipe(NAME, name="second", config={"min_count": 0})
    second.initialize(lambda: mixed_dev, nlp=mixed_nlp)
    assert find_later(mixed_nlp, NAME) == []
    assert collect(mixed_nlp, NAME, mixed_dev).later == []


def test_model_runs_once_over_each_document(mixed_nlp, mixed_dev, monkeypatch):
    seen = []
    pipe = mixed_nlp.get_pipe(NAME)
    run = pipe.get_raw_scores

    def get_raw_scores(docs):
        seen.extend(docs)
        return run(docs)

    monkeypatch.setattr(pipe, "get_raw_scores", get_raw_scores)
    mixed_nlp.add_pipe("halve_card")
    collect(mixed_nlp, NAME, mixed_dev)
    assert len(seen) == len(mixed_dev)


def test_what_is_not_known(mixed_nlp):
    cats = [
        {"money/card": 1.0, "travel/hotel": 0.0},
        {},
        {"sport/golf": 1.0, "money/card": 1.0},
    ]
    examples = [
        Example.from_dict(mixed_nlp.make_doc("my card"), {"cats": c}) for c in cats
    ]
    with pytest.warns(UserWarning, match="LW502"):
        evidence = collect(mixed_nlp, NAME, examples)
    assert evidence.n_ignored == 1
    labels, truths = evidence.answers.labels, evidence.answers.truths
    assert labels[-1] == "sport/golf"
    assert numpy.isnan(truths).sum(axis=1).tolist() == [7, 10, 0]
    assert truths[[0, 2], -1].tolist() == [0.0, 1.0]
    assert evidence.answers.scores[:, -1].tolist() == [0.0, 0.0, 0.0]
    assert evidence.get_probabilities("train", 1.0).shape == truths.shape


def test_corpus_without_gold_labels(mixed_nlp):
    doc = mixed_nlp.make_doc("my card")
    with pytest.raises(ValueError, match=r"\[L510\].*1 documents"):
        collect(mixed_nlp, NAME, [Example(doc, doc.copy())])


def test_part_of_the_documents(mixed_nlp, mixed_dev):
    evidence = collect(mixed_nlp, NAME, mixed_dev)
    settings = read_settings(mixed_nlp, NAME)
    part = evidence.select(numpy.asarray([5, 2]))
    P = part.get_probabilities(settings.prior, settings.temperature)
    numpy.testing.assert_allclose(P, evidence.answers.scores[[5, 2]], atol=1e-6)
    assert part.docs == [evidence.docs[5], evidence.docs[2]]
