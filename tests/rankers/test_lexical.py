import math

import pytest
from numpy.testing import assert_allclose

from spacy_longtail.rankers.lexical import make_lexical_ranker

NEW = "travel/cruise"


@pytest.fixture
def ranker(cards, encode):
    ranker = make_lexical_ranker()
    ranker.set_labels(cards, encode)
    return ranker


def score_slowly(cards, text, k1, b):
    """BM25 by its formula, one word of one label after the other."""
    bags = [
        [t.lower_ for doc in (*card.names, *card.examples) for t in doc]
        for card in cards
    ]
    mean = sum(map(len, bags)) / len(bags)
    scores = []
    for bag in bags:
        score = 0.0
        for word in set(text.lower().split()):
            n, df = bag.count(word), sum(word in other for other in bags)
            idf = math.log(1 + (len(bags) - df + 0.5) / (df + 0.5))
            norm = k1 * (1 - b + b * len(bag) / mean)
            score += idf * n * (k1 + 1) / (n + norm) if n else 0.0
        scores.append(score)
    return scores


@pytest.mark.parametrize("k1, b", [(1.2, 0.75), (0.0, 0.5), (2.0, 0.0)])
def test_scores_are_bm25(cards, encode, make_docs, k1, b):
    ranker = make_lexical_ranker(k1=k1, b=b)
    ranker.set_labels(cards, encode)
    texts = ["Money money cost", "lost ship", "unheard of", ""]
    expected = [score_slowly(cards, text, k1, b) for text in texts]
    assert_allclose(ranker.score(make_docs(*texts)), expected, rtol=1e-9)


def test_label_with_the_words_of_the_document_wins(ranker, ask):
    scores = ask(ranker, "the money", "the cost", "nothing").scores
    assert scores[0][1] > scores[0][0]
    assert scores[1][0] > scores[1][1]
    assert scores[2].tolist() == [0.0, 0.0]


def test_new_label_without_a_common_word_is_far_behind(ranker, ask):
    margins = ask(ranker, "ship", "unheard of", added=[NEW]).margins
    assert margins[0, 0] > 0.0
    assert margins[1, 0] == -20.0


def test_bytes_round_trip(ranker, ask):
    loaded = make_lexical_ranker()
    loaded.from_bytes(ranker.to_bytes())
    before, after = (ask(r, "money", "ship", added=[NEW]) for r in (ranker, loaded))
    assert_allclose(after.scores, before.scores)
    assert_allclose(after.margins, before.margins)


def test_ngrams_find_other_forms_of_a_word(cards, encode, make_docs):
    ranker = make_lexical_ranker(ngrams=True)
    ranker.set_labels(cards, encode)
    texts = ["shipping", "moneyless", "xq", ""]
    scores = ranker.score(make_docs(*texts))
    words = make_lexical_ranker()
    words.set_labels(cards, encode)
    assert not words.score(make_docs(*texts)).any()
    ship = next(i for i, c in enumerate(cards) if "ship" in str(c.names + c.examples))
    assert scores[0].argmax() == ship
    assert scores[1].max() > 0.0 and not scores[2:].any()
    # One by one, as in a batch.
    assert ranker.score(make_docs("shipping"))[0].tolist() == scores[0].tolist()
    loaded = make_lexical_ranker(ngrams=True)
    loaded.from_bytes(ranker.to_bytes())
    assert loaded.score(make_docs(*texts)).tolist() == scores.tolist()


def test_ngrams_and_words_are_not_loaded_as_each_other(cards, encode):
    ranker = make_lexical_ranker()
    ranker.set_labels(cards, encode)
    with pytest.raises(ValueError, match=r"ngrams"):
        make_lexical_ranker(ngrams=True).from_bytes(ranker.to_bytes())


@pytest.mark.parametrize("name", ["k1", "b", "weight"])
def test_setting_out_of_range(name):
    with pytest.raises(ValueError, match=rf"\[L405\] LexicalRanker.*'{name}'"):
        make_lexical_ranker(**{name: -0.5})
