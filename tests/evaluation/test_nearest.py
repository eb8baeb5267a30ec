import pytest

from spacy_longtail.evaluation.nearest import find_neighbours


def find(nlp, texts, labels, n=3):
    docs = [nlp.make_doc(text) for text in texts]
    return find_neighbours(nlp, nlp.pipe_names[0], docs, labels, n)


def get_labels(example):
    return [label for label, value in example.reference.cats.items() if value]


def test_each_document_has_the_texts_of_its_own_labels(kept_nlp, kind_seen):
    texts = [example.reference.text for example in kind_seen]
    labels = [get_labels(example) for example in kind_seen]
    together = find(kept_nlp, texts, labels)
    assert together == [find(kept_nlp, [t], [x])[0] for t, x in zip(texts, labels)]
    for text, own, found in zip(texts, labels, together):
        assert (found[0].text, found[0].labels) == (text, sorted(own))
        assert found[0].similarity == pytest.approx(1.0, abs=1e-5)
        cosines = [one.similarity for one in found]
        assert cosines == sorted(cosines, reverse=True)
        assert all(set(one.labels) & set(own) for one in found)


def test_text_that_is_kept_for_two_labels_has_both(kept_nlp, kind_seen):
    store = kept_nlp.get_pipe("zero_shot_fallback").store
    text, own = kind_seen[0].reference.text, get_labels(kind_seen[0])
    twice = [one for one in store.known[own[0]]["examples"] if one["text"] == text]
    store.known["travel/visa"]["examples"] += twice
    ((first, *others),) = find(kept_nlp, [text], [[*own, "travel/visa"]])
    assert first.labels == sorted({*own, "travel/visa"})
    assert text not in [one.text for one in others]


def test_nothing_is_found(kept_nlp, kind_seen):
    text, own = kind_seen[0].reference.text, get_labels(kind_seen[0])
    assert find(kept_nlp, [text, text], [own, []], 0) == [[], []]
    assert find(kept_nlp, ["", text], [own, ["no/label"]]) == [[], []]
    assert find(kept_nlp, [], []) == []
    kept_nlp.remove_pipe("zero_shot_fallback")
    assert find(kept_nlp, [text], [own]) == [[]]
