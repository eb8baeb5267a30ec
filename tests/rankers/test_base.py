from spacy_longtail.rankers.base import make_noop_ranker


def test_all_candidates_are_equally_good(cards, encode, ask):
    ranker = make_noop_ranker()
    ranker.load()
    ranker.set_labels(cards, encode)
    ranker.bind(encode)
    found = ask(ranker, "money", "")
    assert [scores.tolist() for scores in found.scores] == [[0.0, 0.0]] * 2
    assert (found.margins, found.similarity, found.none_score) == (None, None, None)
    ranker.from_bytes(ranker.to_bytes())
