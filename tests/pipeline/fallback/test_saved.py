import copy

import pytest
import srsly

from spacy_longtail.pipeline.fallback.saved import pack_fallback

NAME = "zero_shot_fallback"


@pytest.fixture(scope="module")
def nlp(kind):
    return kind.load_pair()


@pytest.fixture(scope="module")
def saved(nlp):
    nlp.get_pipe(NAME).add_label("bank/gold", examples=["a gold card"])
    return srsly.msgpack_loads(nlp.get_pipe(NAME).to_bytes())


def edit(saved, path, value):
    """Change a value of what was saved, and sign it. None removes it."""
    data = copy.deepcopy(srsly.msgpack_loads(saved["data"]))
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return pack_fallback(data, saved["source"])


STORE = ("store", "known", "bank/card")


@pytest.mark.parametrize(
    "path,value",
    [
        (("settings", "route_threshold"), 9),
        (("settings", "mixture_weight"), None),
        (("settings", "thresholds"), {"bank/mortgage": 0.5}),
        (("settings", "more"), 1),
        (("store", "known"), {}),
        (STORE, None),
        ((*STORE, "names"), []),
        ((*STORE, "names"), "card"),
        ((*STORE, "examples"), [{"text": "a card", "words": ["a", "hat"]}]),
        ((*STORE, "examples"), [{"text": "a card"}]),
        (("store", "added", "cash/gold"), {"names": ["gold"], "examples": []}),
        (("store", "added", "bank/card"), {"names": ["card"], "examples": []}),
        (("ranker",), b""),
        (("gate",), "none"),
        (("rankers",), "all"),
        (("more",), 1),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_although_it_is_signed(nlp, saved, path, value):
    with pytest.raises(ValueError, match=rf"\[L360\] what was saved of '{NAME}'"):
        nlp.get_pipe(NAME).from_bytes(edit(saved, path, value))


@pytest.mark.parametrize("key", ["data", "source", "digest"])
def test_changed_content_is_refused(nlp, saved, key):
    data = srsly.msgpack_dumps({**saved, key: saved[key][:-1]})
    with pytest.raises(ValueError, match=r"\[L360\].*isn't what was saved"):
        nlp.get_pipe(NAME).from_bytes(data)


def test_fallback_of_an_older_first_stage_is_refused(kind, saved):
    nlp = kind.load_pair()
    nlp.update(kind.make_examples(nlp), sgd=nlp.resume_training())
    data = srsly.msgpack_dumps(saved)
    with pytest.raises(ValueError, match=r"\[L360\].*belongs to another"):
        nlp.get_pipe(NAME).from_bytes(data)


def test_file_that_was_saved_alone_is_learned_from_again(kind, saved):
    """Without its first stage, nobody could have taught the ranker."""
    nlp = kind.load_pair()
    nlp.get_pipe(NAME).add_label("bank/gold", examples=["a gold card"])
    answers = nlp("lend me a gold card").cats
    data = srsly.msgpack_loads(saved["data"])
    nlp.get_pipe(NAME).from_bytes(pack_fallback(data, None))
    assert nlp("lend me a gold card").cats == pytest.approx(answers)
