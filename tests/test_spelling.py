import pytest

from spacy_longtail.spelling import (
    check_look_alikes,
    clean_segment,
    find_look_alikes,
    find_similar,
)

# Two ways to write what looks like one label.
LOOK_ALIKES = {
    "trailing blank": ("bank", "bank "),
    "composed": ("caf\u00e9", "cafe\u0301"),
    "zero-width space": ("bank", "ba\u200bnk"),
    "byte order mark": ("bank", "\ufeffbank"),
    "no-break space": ("my bank", "my\u00a0bank"),
    "two blanks": ("my bank", "my  bank"),
    "soft hyphen": ("bank", "ba\u00adnk"),
    "joiner": ("bank", "ba\u200dnk"),
    "variation selector": ("\u26a0", "\u26a0\ufe0f"),
    "control": ("bank", "bank\x00"),
    "blank in a path": ("bank/card", "bank /card"),
    "direction": ("bank", "\u200fbank"),
    "filler": ("bank", "bank\u3164"),
}
pairs = pytest.mark.parametrize(
    "first, second", LOOK_ALIKES.values(), ids=list(LOOK_ALIKES)
)


@pairs
def test_labels_that_look_the_same(first, second):
    assert find_look_alikes([first, "other", second], "/")
    with pytest.raises(ValueError, match=r"\[L012\].*\(3 documents\).*\(2\)") as error:
        check_look_alikes({first: 3, second: 2}, "/")
    assert ascii(first.split("/")[0]) in str(error.value)
    assert ascii(second.split("/")[0]) in str(error.value)


@pytest.mark.parametrize(
    "labels",
    [
        ("bank", "Bank", "banks"),
        ("a/bank", "b/bank"),
        ("bank", "banking/bank"),
        ("C", "C#", "C++"),
        ("\u041c\u0438\u0440", "\u041c\u0456\u0440"),
    ],
)
def test_labels_that_look_different(labels):
    assert find_look_alikes(labels, "/") == []


def test_node_above_counts_what_is_below():
    counts = {"bank/card": 3, "bank/fee": 1, "banking/x": 7, "bank\u200b/loan": 2}
    message = r"'bank' \(4 documents\) and 'bank\\u200b' \(2\)"
    with pytest.raises(ValueError, match=message):
        check_look_alikes(counts, "/")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("  my\u00a0 bank ", "my bank"),
        ("cafe\u0301", "caf\u00e9"),
        ("\ufeffba\u200bnk\x1b", "bank"),
        # Persian needs the joiner, an emoji its selector.
        (
            "\u0645\u06cc\u200c\u0631\u0648\u0645",
            "\u0645\u06cc\u200c\u0631\u0648\u0645",
        ),
        ("\u26a0\ufe0f", "\u26a0\ufe0f"),
        ("lost_card", "lost_card"),
    ],
)
def test_segments_are_written_as_they_look(text, expected):
    assert clean_segment(text) == expected


def test_similar_names_are_found():
    assert find_similar("refunds", ["refund", "visa"]) == "refund"
    assert find_similar("xyz", ["refund", "visa"]) == "–"
    assert find_similar("refunds", ["ref\x1bund"]) == "ref\\u001bund"


@pairs
def test_difference_to_a_look_alike_shows(first, second):
    found = find_similar(second, ["visa", first])
    assert ascii(first) in found
    assert ascii(second) in found
