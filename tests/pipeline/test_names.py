import pytest
import spacy
from thinc.api import fix_random_seed

from spacy_longtail.pipeline.names import NameExamples, get_name_texts, get_name_words
from spacy_longtail.taxonomy import Taxonomy

NLP = spacy.blank("xx")
TAXONOMY = Taxonomy(leaves=("bank/lost_card", "bank/fee", "visa"), counts=(3, 3, 3))
WORDS = get_name_words(TAXONOMY, {"bank/fee": "what it costs"}, NLP.make_doc)


@pytest.mark.parametrize(
    "label, separator, name",
    [
        ("bank/lost_card", "/", "lost card"),
        ("sign-up", "/", "sign up"),
        ("bank > lost/stolen card", " > ", "lost/stolen card"),
    ],
)
def test_name_is_the_last_segment_as_words(label, separator, name):
    assert get_name_texts(label, separator) == [name]


def test_words_are_those_of_name_and_description():
    assert WORDS == [[["lost", "card"]], [["fee"], ["what", "it", "costs"]], [["visa"]]]


@pytest.mark.parametrize("per_example, n_drawn", [(0.0, 0), (0.5, 4), (1.0, 8)])
def test_as_many_names_as_are_due(per_example, n_drawn):
    names = NameExamples(NLP.vocab, WORDS, per_example)
    batches = [names.draw(2) for _ in range(4)]
    assert sum(len(docs) for docs, _ in batches) == n_drawn


def test_every_name_has_its_turn_with_its_column():
    fix_random_seed(0)
    names = NameExamples(NLP.vocab, WORDS, 1.0)
    drawn = []
    for _ in range(4):
        docs, columns = names.draw(1)
        drawn += [(docs[0].text.strip(), columns[0])]
    expected = [("fee", 1), ("lost card", 0), ("visa", 2), ("what it costs", 1)]
    assert sorted(drawn) == expected


def test_title_takes_the_place_of_a_code():
    title = ["Lodging", "Hotels and food"]
    texts = ["Lodging", "for travelers", "Hotels and food Lodging"]
    assert get_name_texts("72/721", "/", "for travelers", title) == texts
    # A title is no description of itself.
    assert get_name_texts("72/721", "/", "Lodging", ["Lodging", ""]) == ["Lodging"]
