import numpy
import pytest
import srsly
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_longtail.convert.allot import DEV, TEST, TRAIN, allot
from spacy_longtail.convert.plan import DROPPED, Rows, count_by_split, make_plan
from spacy_longtail.tables.columns import Record
from spacy_longtail.texts import hash_text


def plan(records, shares=(0.2, 0.2)):
    rows = Rows(max_length=2000)
    for record in records:
        rows.add(record)
    return rows, make_plan(rows, shares, seed=0)


def place(records):
    """Each text and its split, by its number."""
    _, found = plan(records)
    return {r.text: split for r, split in zip(records, found.splits.tolist())}


def place_alone(text):
    hashes = numpy.asarray([hash_text(text)], dtype="uint64")
    return int(allot(hashes, (0.2, 0.2), seed=0)[0])


def test_dropped_rows_are_counted():
    records = [
        Record(" ", ("a",), None),
        Record("x", None, None),
        Record("x" * 2001, ("a",), None),
        Record("good", ("a",), None),
    ]
    rows, found = plan(records)
    assert found.splits.tolist() == [DROPPED, DROPPED, DROPPED, 0]
    assert rows.dropped == {"no_text": 1, "no_label": 1, "too_long": 1}


def test_rows_of_one_text_stay_together_whatever_their_labels():
    records = [Record(f"text {i}", ("a",), None) for i in range(50)]
    records += [
        Record(text, (label,), None)
        for text in ("unclear", "vague", "dim", "hazy", "faint")
        for label in ("a", "b", "c")
    ]
    _, found = plan(records)
    groups = found.splits[50:].reshape((5, 3)).tolist()
    assert groups == [[place_alone(records[50 + 3 * i].text)] * 3 for i in range(5)]
    assert len({split for split, *_ in groups}) > 1
    assert (found.n_conflicts, found.n_duplicates) == (5, 10)


def test_a_label_keeps_a_text_in_train():
    texts = [text for text in map(str, range(40)) if place_alone(text) == TEST]
    records = [Record(text, ("a",), None) for text in texts[:3]]
    records += [Record(text, ("b",), None) for text in "abcdefgh"]
    _, found = plan(records)
    assert found.splits[:3].tolist().count(TRAIN) == 1
    assert found.n_needed == 1
    # The last that is chosen is one with another label in another row.
    chosen = texts[found.splits[:3].tolist().index(TRAIN)]
    _, found = plan([*records, Record(chosen, ("b",), None)])
    assert found.splits[:3].tolist().count(TRAIN) == 1
    assert found.splits[texts.index(chosen)] == TEST


def test_shares_of_few_texts():
    _, found = plan([Record("only", ("a",), None)])
    assert found.splits.tolist() == [TRAIN]
    assert found.empty == ["dev", "test"]
    _, found = plan([Record("only", ("a",), None)], shares=(0.0, 0.1))
    assert found.empty == ["test"]


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
        st.just(""),
    ),
    min_size=1,
    max_size=60,
)


LISTS = st.lists(
    st.builds(
        Record,
        st.integers(0, 30).map(str),
        st.lists(st.sampled_from("abcdefgh"), max_size=3, unique=True).map(tuple),
        st.none(),
        st.just(""),
    ),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize("records", [RECORDS, LISTS], ids=["one label", "several"])
@settings(deadline=None)
@given(data=st.data())
def test_no_text_is_in_two_splits_and_every_label_is_in_train(records, data):
    records = data.draw(records)
    rows, found = plan(records)
    places = {}
    for record, split in zip(records, found.splits.tolist()):
        assert places.setdefault(record.text, split) == split
    counts = count_by_split(rows, found.splits.tolist())
    assert set(counts[0]) == {label for record in records for label in record.labels}
    n_written = numpy.bincount(found.splits, minlength=3)
    assert n_written.sum() == len(records)
    assert found.n_duplicates == len(records) - len(places)


@pytest.mark.parametrize("records", [RECORDS, LISTS], ids=["one label", "several"])
@settings(deadline=None)
@given(data=st.data())
def test_a_text_stays_where_it_is_but_for_a_label_without_another(records, data):
    records = data.draw(records)
    for text, split in place(records).items():
        if split == place_alone(text):
            continue
        assert split == TRAIN
        labels = {n for r in records if r.text == text for n in r.labels}
        in_train = {
            n for r in records if place_alone(r.text) == TRAIN for n in r.labels
        }
        assert labels - in_train


@settings(deadline=None)
@given(data=st.data())
def test_no_former_dev_or_test_text_is_in_train_when_rows_are_added(data):
    """Those of a label that had another text in train may come back from there."""
    records = [
        Record(str(i), ("abcdefghij"[i % 10 if i < 40 else 0],), None)
        for i in data.draw(st.lists(st.integers(0, 80), min_size=1, max_size=60))
    ]
    n_first = data.draw(st.integers(1, len(records)))
    before = place(records[:n_first])
    after = place(data.draw(st.permutations(records)))
    assert not {text for text in before if before[text] != TRAIN == after[text]}


@pytest.mark.parametrize("name", ["clinc150_lt", "naics2012", "naics2012_multi"])
def test_splits_of_real_texts_hold_when_as_many_are_added(data_dir, name):
    records = [
        Record(row["text"], tuple(row.get("labels") or [row["label"]]), None)
        for row in srsly.read_jsonl(data_dir / name / "train.jsonl")
    ]
    _, first = plan(records[::2], shares=(0.1, 0.1))
    rows, second = plan(records[::-1], shares=(0.1, 0.1))
    before, after = first.splits, second.splits[::-1][::2]
    assert not ((before != TRAIN) & (after == TRAIN)).any()
    # Rare labels had no other text in train, and now have one.
    assert ((before == TRAIN) & (after != TRAIN)).sum() <= first.n_needed
    assert first.n_needed < 0.02 * len(before)
    for split in (DEV, TEST):
        assert 0.08 < (second.splits == split).mean() < 0.12
    assert set(count_by_split(rows, second.splits.tolist())[TRAIN]) == set(rows.labels)
