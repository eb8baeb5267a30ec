import pytest

from spacy_longtail.tuning import Wish


@pytest.mark.parametrize(
    "wish,code",
    [
        ({"goal": "speed"}, "L511"),
        ({"prior": "flat"}, "L306"),
        ({"precision": 0.0}, "L512"),
        ({"coverage": 1.5}, "L512"),
        ({"precision": 0.9, "coverage": 0.9}, "L513"),
        ({"per_label": True}, "L517"),
    ],
)
def test_wish_that_can_not_be_fulfilled(wish, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        Wish(**wish)


def test_message_says_what_clashes():
    with pytest.raises(ValueError, match="precision of 0.8 and a coverage of 0.9") as e:
        Wish(precision=0.8, coverage=0.9)
    assert "per_label" not in str(e.value)


def test_coverage_is_no_wish_where_a_document_can_have_no_label():
    wish = Wish(coverage=0.9)
    wish.check("topics", allows_several=False)
    with pytest.raises(ValueError, match=r"\[L515\].*'precision'"):
        wish.check("tags", allows_several=True)
