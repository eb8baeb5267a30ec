from hypothesis import given
from hypothesis import strategies as st

from spacy_longtail.convert.edits import GONE, decide, rename_sets
from spacy_longtail.convert.known import KnownTexts
from spacy_longtail.convert.plan import Rows
from spacy_longtail.tables.columns import DELETED, REJECTED, Record
from spacy_longtail.texts import hash_text

TEXTS = st.integers(0, 8).map(str)
DOCS = st.lists(
    st.tuples(TEXTS, st.sampled_from("abc"), st.integers(0, 2)), max_size=20
)
ROWS = st.lists(
    st.builds(
        Record,
        TEXTS,
        st.sampled_from("abcd").map(lambda label: (label,)),
        st.none(),
        st.sampled_from(("", "", REJECTED, DELETED)),
    ),
    max_size=20,
)


def run(docs, records):
    """What becomes of each document, and the labels of new texts."""
    rows = Rows(max_length=100)
    known = KnownTexts(rows.label_sets)
    for text, label, split in docs:
        known.hashes.append(hash_text(text))
        known.splits.append(split)
        number = rows.label_sets.setdefault((label,), len(rows.label_sets))
        known.sets.append(number)
    for record in records:
        rows.add(record)
    rename_sets(rows, known, str, "/")
    found = decide(rows, known, False, (0.2, 0.2), seed=0)
    names = [*rows.label_sets]
    labels = [None if n == GONE else names[n][0] for n in found.after.tolist()]
    edits = found.edits
    new = {
        records[edits.rows[i]].text: names[edits.sets[i]][0] for i in found.new.tolist()
    }
    return labels, new, found


def add_one_by_one(docs, records):
    """The same, in a few plain lines."""
    labels, new = [label for _, label, _ in docs], {}
    known = {text for text, *_ in docs}
    for text, (label,), _, answer in records:
        for i, (other, *_) in enumerate(docs):
            if other != text:
                continue
            if answer == DELETED or (answer == REJECTED and labels[i] == label):
                labels[i] = None
            elif not answer:
                labels[i] = label
        if text not in known:
            if answer == DELETED or (answer == REJECTED and new.get(text) == label):
                new.pop(text, None)
            elif not answer:
                new[text] = label
    return labels, new


@given(data=st.data())
def test_rows_count_as_if_each_was_added_after_the_one_before(data):
    docs, records = data.draw(DOCS), data.draw(ROWS)
    assert run(docs, records)[:2] == add_one_by_one(docs, records)


@given(data=st.data())
def test_each_label_of_a_new_text_is_in_train(data):
    docs, records = data.draw(DOCS), data.draw(ROWS)
    labels, new, found = run(docs, records)
    in_train = {label for (_, _, s), label in zip(docs, labels) if s == 0}
    in_train |= {
        label for label, s in zip(new.values(), found.new_splits.tolist()) if s == 0
    }
    assert set(new.values()) <= in_train
