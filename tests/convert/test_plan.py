import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_longtail.convert.plan import (
    DROPPED,
    Rows,
    count_by_split,
    hash_text,
    make_plan,
)
from spacy_longtail.tables.columns import SPLITS, Record


def plan(records, shares=(0.2, 0.2), has_lists=False):
    rows = Rows(max_length=100)
    for record in records:
        rows.add(record)
    return rows, make_plan(rows, shares, seed=0, has_lists=has_lists)


def test_hash_ignores_case_and_spaces():
    assert hash_text("Lost  my\tCARD ") == hash_text("lost my card")
    assert hash_text("ﬁne cafe\u0301") == hash_text("fine café")
    assert hash_text("lost my card!") != hash_text("lost my card")
    # It's written to no file, but splits must not change from version to version.
    assert hash_text("lost my card") == 14837411642232935243


def test_dropped_rows_are_counted():
    records = [
        Record(" ", ("a",), None),
        Record("x", None, None),
        Record("x" * 101, ("a",), None),
        Record("good", ("a",), None),
    ]
    rows, found = plan(records)
    assert found.splits.tolist() == [DROPPED, DROPPED, DROPPED, 0]
    assert rows.dropped == {"no_text": 1, "no_label": 1, "too_long": 1}


def test_conflicts_go_to_train():
    records = [Record(f"text {i}", ("a",), None) for i in range(50)]
    records += [Record("unclear", (label,), None) for label in ("a", "b", "c")]
    _, found = plan(records)
    assert found.splits[50:].tolist() == [0, 0, 0]
    assert (found.n_conflicts, found.n_duplicates) == (1, 2)


def test_given_splits_stay_and_leaks_are_dropped():
    records = [
        Record("one", ("a",), "test"),
        Record("two", ("a",), "train"),
        Record("ONE", ("a",), "dev"),
        Record("two", ("a",), "train"),
        Record("Two ", ("b",), "test"),
        Record("three", ("a",), "test"),
    ]
    _, found = plan(records)
    assert found.splits.tolist() == [DROPPED, 0, 1, 0, DROPPED, 2]
    assert found.n_leaked == 2
    assert found.n_duplicates == 1


RECORDS = st.lists(
    st.builds(
        Record,
        st.integers(0, 30).map(str),
        st.sampled_from("abcde").map(lambda label: (label,)),
        st.none(),
    ),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize("has_lists", [False, True])
@given(records=RECORDS)
def test_no_text_is_in_two_splits_and_every_label_is_in_train(has_lists, records):
    rows, found = plan(records, has_lists=has_lists)
    places = {}
    for record, split in zip(records, found.splits.tolist()):
        assert places.setdefault(record.text, split) == split
    counts = count_by_split(rows, found.splits.tolist())
    assert set(counts[0]) == {label for record in records for label in record.labels}
    assert sum(counts[0].values()) + sum(counts[1].values()) + sum(
        counts[2].values()
    ) == len(records)
    assert found.n_duplicates == len(records) - len(places)


@given(records=RECORDS)
def test_a_label_with_clear_texts_is_in_dev_and_test(records):
    rows, found = plan(records)
    labels_of = {}
    for record in records:
        labels_of.setdefault(record.text, set()).update(record.labels)
    counts = dict(zip(SPLITS, count_by_split(rows, found.splits.tolist())))
    for label in rows.labels:
        n_clear = sum(labels == {label} for labels in labels_of.values())
        assert (label in counts["dev"]) == (n_clear >= 2)
        assert (label in counts["test"]) == (n_clear >= 3)
