from spacy_longtail.audit.labels import find_spellings


def test_labels_that_differ_in_nothing_that_counts():
    labels = ["Bank", "bank", "lost_card", "Lost card", "caf\u00e9", "cafe\u0301", "x"]
    labels += ["loan", "lo\u200ban", "fee", "fees"]
    expected = [["Bank", "bank"], ["Lost card", "lost_card"]]
    expected += [["cafe\u0301", "caf\u00e9"], ["loan", "lo\u200ban"]]
    assert find_spellings(labels) == expected
