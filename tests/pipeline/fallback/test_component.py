"""What the fallback does whatever the kind of labels."""

import pickle

import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import DocBin

FALLBACK = "zero_shot_fallback"
KINDS = ["exclusive", "multilabel"]
RANKERS = ["Prototype", "Lexical", "NoOp", "Combined"]
TEXTS = ["lend me some money", "borrow, and papers for China", "my card", "", "a room"]
UNKNOWN = "papers zzxq wvut"


def name_ranker(name):
    block = {"@misc": f"spacy-longtail.{name}Ranker.v1"}
    if name == "Combined":
        block["rankers"] = {"a": name_ranker("Prototype"), "b": name_ranker("Lexical")}
    return block


def run_first(nlp, texts):
    with nlp.select_pipes(disable=[FALLBACK]):
        return list(nlp.pipe(texts))


def get_answers(nlp, **settings):
    docs = nlp.pipe(TEXTS, **settings)
    return [(dict(doc.cats), doc._.longtail) for doc in docs]


@pytest.fixture(scope="module", params=KINDS)
def make_trained(request, make_pair, train, make_several_pair, train_several):
    """Make a trained pipeline of both stages."""

    def make(**config):
        is_several = request.param == "multilabel"
        nlp = (make_several_pair if is_several else make_pair)(**config)
        (train_several if is_several else train)(nlp, n_updates=2)
        assert nlp.get_pipe(FALLBACK).kind.name == request.param
        return nlp

    return make


@pytest.fixture
def nlp(make_trained):
    return make_trained()


@pytest.fixture
def fallback(nlp):
    return nlp.get_pipe(FALLBACK)


@pytest.fixture
def make_gold(nlp, make_examples, make_several_examples):
    """Make examples of documents with one label each, of either kind."""

    def make(pairs):
        if nlp.get_pipe(FALLBACK).kind.allows_several:
            return make_several_examples(nlp, [(text, [x]) for text, x in pairs])
        return make_examples(nlp, pairs)

    return make


@pytest.mark.parametrize("name", RANKERS)
def test_batch_and_order_make_no_difference(make_trained, name):
    nlp = make_trained(ranker=name_ranker(name))
    nlp.get_pipe(FALLBACK).add_label("bank/gold")
    single = [list(nlp(text).cats.values()) for text in TEXTS]
    batched = [list(doc.cats.values()) for doc in nlp.pipe(TEXTS, batch_size=4)]
    turned = [list(doc.cats.values()) for doc in nlp.pipe(TEXTS[::-1])]
    assert_allclose(batched, single, atol=1e-6)
    assert_allclose(turned[::-1], single, atol=1e-6)
    assert batched[0] != batched[2]


@pytest.mark.parametrize("name", RANKERS)
def test_saved_and_loaded_pipelines_predict_the_same(make_trained, tmp_path, name):
    """On disk, as bytes, pickled, and in two processes."""
    nlp = make_trained(ranker=name_ranker(name), mixture_weight=0.3)
    nlp.get_pipe(FALLBACK).settings.route_threshold = 0.02
    answers = get_answers(nlp)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe(FALLBACK).settings == nlp.get_pipe(FALLBACK).settings
    copies = [loaded, pickle.loads(pickle.dumps(nlp))]
    copies.append(spacy.blank("en", config=nlp.config).from_bytes(nlp.to_bytes()))
    found = [get_answers(copy) for copy in copies]
    for again in (*found, get_answers(nlp, n_process=2, batch_size=2)):
        for (cats, decision), (expected, same) in zip(again, answers, strict=True):
            assert cats == pytest.approx(expected, abs=1e-6)
            assert (decision.label, decision.labels) == (same.label, same.labels)
            assert decision.stage == same.stage


def test_document_that_is_not_routed_stays_as_it_is(nlp, fallback):
    fallback.settings.route_threshold = 1.0
    expected = [(doc.cats, doc._.longtail) for doc in run_first(nlp, TEXTS)]
    assert get_answers(nlp) == expected
    assert fallback.stats["routed"] == 0


def test_decision_survives_docbin(nlp):
    doc = nlp(TEXTS[0])
    assert doc._.longtail.first_labels is not None
    data = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (copy,) = DocBin().from_bytes(data).get_docs(spacy.blank("en").vocab)
    assert copy._.longtail == doc._.longtail


def test_top_k_limits_the_keys(nlp):
    full = get_answers(nlp)
    nlp.get_pipe(nlp.pipe_names[0]).cats_top_k = 3
    for (found, decision), (cats, expected) in zip(get_answers(nlp), full):
        top = sorted(cats, key=cats.get, reverse=True)[:3]
        assert set(found) == set(top)
        assert [found[k] for k in top] == pytest.approx([cats[k] for k in top])
        assert decision.labels == expected.labels


@pytest.mark.parametrize("route_threshold", [0.0, 1.0])
def test_document_that_fits_nothing_gets_no_label(nlp, fallback, route_threshold):
    """Whether it was ranked again or not."""
    fallback.settings.route_threshold = route_threshold
    before = nlp(UNKNOWN)
    low, high = before._.longtail.known, nlp("block my card")._.longtail.known
    assert low < high
    fallback.settings.abstain_threshold = (low + high) / 2
    doc = nlp(UNKNOWN)
    decision = doc._.longtail
    assert (decision.label, decision.labels) == (None, ())
    assert (decision.path, decision.levels, decision.probability) == ((), (), 0.0)
    assert decision.stage == "abstained"
    assert decision.reason.startswith("no label is close enough (known = 0.")
    assert decision.candidates == before._.longtail.candidates
    assert decision.first == before._.longtail.label
    share = low / before._.longtail.probability
    assert doc.cats == pytest.approx({k: p * share for k, p in before.cats.items()})
    assert nlp("block my card")._.longtail.label == "bank/card"


def test_broad_category_that_is_sure_enough_is_kept(nlp, fallback):
    text = "what does it cost to borrow"
    before = nlp(text)._.longtail
    share = before.known / before.probability
    node, mass = before.levels[0]
    assert before.known < mass * share
    fallback.settings.abstain_threshold = (before.known + mass * share) / 2
    decision = nlp(text)._.longtail
    assert (decision.label, decision.labels) == (None, ())
    assert decision.path == (node,) == ("bank",)
    assert decision.probability == pytest.approx(mass * share, rel=1e-4)


def test_abstention_works_where_nothing_is_pooled(make_trained):
    nlp = make_trained(min_count=0, abstain_threshold=1.0)
    assert nlp("my card")._.longtail.stage == "abstained"


@pytest.mark.parametrize("coverage, n_kept", [(0.5, 3), (0.6, 3), (1.0, 5)])
def test_coverage_is_at_least_the_wished_share(
    nlp, fallback, make_gold, coverage, n_kept
):
    """Of five documents, as in 'tune'."""
    texts = ["lost card", "a room", "a flight to Rome", "lend me money", UNKNOWN]
    examples = make_gold([(text, "bank/card") for text in texts])
    threshold = fallback.fit_abstention(examples, coverage=coverage)
    assert fallback.settings.abstain_threshold == threshold
    labels = [doc._.longtail.label for doc in nlp.pipe(texts)]
    assert sum(label is not None for label in labels) == n_kept


def test_too_few_documents_to_fit_a_mixture(fallback, make_gold):
    with pytest.raises(ValueError, match=r"\[L339\].*too few"):
        fallback.fit_mixture(make_gold([("my card", "bank/card")] * 20))


def test_component_without_scorer_has_no_scores(make_trained):
    assert make_trained(scorer=None).get_pipe(FALLBACK).score([]) == {}
