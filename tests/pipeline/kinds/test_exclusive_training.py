"""Training where the labels of a document exclude each other."""

import numpy
import pytest
from numpy.testing import assert_allclose


def get_cats(nlp, text="I lost my card at the hotel"):
    return nlp(text).cats


def test_loss_falls_to_zero(make_nlp, make_examples, train):
    """Without a start at the prototypes, it begins at chance."""
    output = {"@layers": "spacy-longtail.PrototypeSoftmax.v1", "use_prototypes": False}
    nlp = make_nlp(model={"output": output}, loss={"tau": 0.0}, name_examples=0.0)
    first = train(nlp, n_updates=1)["longtail_textcat"]
    # 17 documents; those of "bank/fee" and "bank/loan" allow two leaves of seven.
    assert first == pytest.approx((14 * numpy.log(7) + 3 * numpy.log(3.5)) / 17)
    assert train(nlp, n_updates=40)["longtail_textcat"] < 0.05


@pytest.mark.parametrize("layer", ["PrototypeSoftmax", "SiblingSoftmax"])
@pytest.mark.parametrize("other", ["mixture", "single"])
def test_learns_the_training_data_by_heart(make_nlp, train, train_data, layer, other):
    output = {"@layers": f"spacy-longtail.{layer}.v1", "other": other}
    nlp = make_nlp(model={"output": output})
    assert train(nlp)["longtail_textcat"] < 0.1
    pooled = nlp.get_pipe("longtail_textcat").taxonomy.pooled
    for text, label in train_data:
        decision = nlp(text)._.longtail
        if other == "mixture" or label not in pooled:
            assert decision.label == label
        else:
            assert decision.label in pooled


def test_start_already_knows_the_prototypes(make_nlp, train, train_data):
    nlp = make_nlp()
    train(nlp, n_updates=0)
    right = [nlp(text)._.longtail.label == label for text, label in train_data]
    assert sum(right) >= 15


@pytest.mark.parametrize("gold", [None, {}, {"bank/card": 0.0}, {"of another": 1.0}])
def test_document_without_a_label_has_no_gradient(make_examples, trained, gold):
    pipe = trained.get_pipe("longtail_textcat")
    examples = make_examples(trained, [("a room", gold), ("my card", "bank/card")])
    logits = numpy.zeros((2, 7), dtype="float32")
    loss, d_logits = pipe.get_loss(examples, logits)
    alone, _ = pipe.get_loss(examples[1:], logits[1:])
    assert not d_logits[0].any() and d_logits[1].any()
    assert loss == pytest.approx(alone)


def test_batch_without_any_label_changes_no_weight(make_nlp, make_examples, train):
    output = {"@layers": "spacy-longtail.PrototypeSoftmax.v1", "l2sp": 0.0}
    nlp = make_nlp(name_examples=0.0, model={"output": output})
    train(nlp, n_updates=0)
    before = get_cats(nlp)
    examples = make_examples(nlp, [("a room", None), ("a card", None)])
    losses = nlp.update(examples, sgd=nlp.resume_training())
    assert losses == {"longtail_textcat": 0.0}
    assert get_cats(nlp) == before


def test_gold_at_an_inner_node_allows_all_leaves_below(make_examples, trained):
    pipe = trained.get_pipe("longtail_textcat")
    logits = numpy.random.RandomState(0).randn(1, 7).astype("float32")
    _, d_logits = pipe.get_loss(make_examples(trained, [("?", "bank")]), logits)
    # Nothing to learn about which of them: proportional to their own shares, under
    # the default loss, logit-adjusted with tau = 1.0.
    shares = numpy.exp(logits[0, :4] + numpy.log([4, 1.5, 1.5, 3]))
    assert_allclose(
        d_logits[0, :4] / d_logits[0, :4].sum(), shares / shares.sum(), 1e-3
    )
    assert (d_logits[0, :4] < 0).all() and (d_logits[0, 4:] > 0).all()


def test_inner_node_teaches_its_branch(make_nlp, train, train_data):
    texts = ["zork", "zork it", "that zork"]
    nlp = make_nlp()
    train(nlp, train_data + [(text, "travel") for text in texts])
    cats, decision = nlp("zork").cats, nlp("zork")._.longtail
    assert "travel" not in cats
    assert decision.path[0] == "travel"
    assert dict(decision.levels)["travel"] > 0.9


def test_inner_node_beside_its_leaf_is_part_of_the_path(make_nlp, train, train_data):
    nlp, dense = make_nlp(), make_nlp()
    train(nlp, n_updates=2)
    labels = {label for _, label in train_data}
    data = []
    for text, label in train_data:
        cats = {other: float(other == label) for other in labels}
        data.append((text, {**cats, "bank": float(label.startswith("bank/"))}))
    train(dense, data, n_updates=2)
    assert get_cats(dense) == get_cats(nlp)


def test_kept_label_is_not_pooled(make_nlp, train):
    nlp = make_nlp(keep=["bank/fee"])
    train(nlp, n_updates=1)
    assert nlp.get_pipe("longtail_textcat").taxonomy.pooled == set()
    nlp = make_nlp(min_count=4, keep=["travel"])
    train(nlp, n_updates=1)
    pooled = nlp.get_pipe("longtail_textcat").taxonomy.pooled
    assert pooled == {"bank/fee", "bank/loan", "bank/transfer"}


def test_evaluate_scores_the_original_labels(trained, make_examples):
    scores = trained.evaluate(make_examples(trained))
    assert scores["longtail_macro_f"] == 1.0
    assert scores["longtail_accuracy"] == 1.0
    assert scores["longtail_f_per_label"]["bank/fee"]["support"] == 1
