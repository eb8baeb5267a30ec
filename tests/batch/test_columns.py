import decimal

import pyarrow as pa
import pytest

from spacy_longtail.batch import BatchClassifier, BatchOptions, classify

from .conftest import GOOD, TEXTS


def make_table(**columns):
    return pa.Table.from_pydict({"text": TEXTS, **columns})


def test_columns_of_the_table_are_untouched(nlp):
    n = len(TEXTS)
    body = pa.array(TEXTS, pa.large_string()).dictionary_encode()
    fields = {
        "body": body,
        "price": pa.array([decimal.Decimal("1.50")] * n),
        "tags": pa.array([["a"], None, []] * 3),
        "when": pa.array(range(n), pa.timestamp("ms", "UTC")),
        "id": pa.array([f"{i:04}" for i in range(n)]),
    }
    table = pa.table(fields).replace_schema_metadata({"owner": "us"})
    found = list(classify(table, nlp, text="body"))
    result = pa.Table.from_batches(found)
    assert result.select(list(fields)).equals(table)
    assert result.schema.metadata == {b"owner": b"us"}
    classifier = BatchClassifier(nlp, BatchOptions(text=("body",)))
    assert result.schema == classifier.make_schema(table.schema)
    plain = BatchClassifier(nlp, BatchOptions()).classify(TEXTS)
    assert result.select(plain.schema.names).to_pylist() == plain.to_pylist()


def test_texts_of_several_columns_are_joined(nlp):
    table = pa.table(
        {"a": ["I lost", None, " ", None], "b": ["my card", "Rome", "", ""]}
    )
    options = BatchOptions(text=("a", "b"))
    classifier = BatchClassifier(nlp, options)
    (found,) = classifier.run(table.to_batches())
    expected = classifier.classify(["I lost\nmy card", "Rome", None, None])
    assert found.select(expected.schema.names).equals(expected)


def test_numbers_are_texts(nlp):
    table = pa.table({"text": pa.array([12, None], pa.int64())})
    (found,) = classify(table, nlp)
    expected = BatchClassifier(nlp, BatchOptions()).classify(["12", None])
    assert found.select(expected.schema.names).equals(expected)


def test_names_that_are_taken_get_a_prefix(nlp):
    (found,) = classify(make_table(label=TEXTS, error=[None] * len(TEXTS)), nlp)
    names = found.schema.names
    assert names[:4] == ["text", "label", "error", "predicted_label"]
    assert all(name.startswith("predicted_") for name in names[3:])
    (found,) = classify(make_table(label=TEXTS), nlp, prefix="our ")
    assert found.schema.names[2] == "our label"
    with pytest.raises(ValueError, match=r"\[L702\].*'label'.*another prefix"):
        next(classify(make_table(label=TEXTS), nlp, prefix=""))


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"top": -1}, "'top' has to be a whole number of at least 0, but got -1"),
        ({"top": True}, "'top'"),
        ({"phase": "third"}, "'phase' has to be one of both, first, second"),
        ({"text": ()}, "'text'"),
        ({"text": ("a", "a")}, "'text' has to be one or more different columns"),
    ],
)
def test_options_are_checked(options, problem):
    with pytest.raises(ValueError, match=rf"\[L701\] {problem}"):
        BatchOptions(**options)


@pytest.mark.parametrize(
    "table, problem",
    [
        (pa.table({"body": ["x"], "id": [1]}), r"\[L703\].*'text'.*'body', 'id'"),
        (pa.table({}), r"\[L703\].*none"),
        (pa.table({"text": [["x"]]}), r"\[L704\].*'text'.*list<"),
        (pa.table({"text": [True]}), r"\[L704\].*bool"),
        (pa.table([["x"], ["y"]], names=["text"] * 2), r"\[L704\].*2 columns"),
    ],
)
def test_a_table_without_texts_is_refused(nlp, table, problem):
    classifier = BatchClassifier(nlp, BatchOptions())
    with pytest.raises(ValueError, match=problem):
        classifier.make_schema(table.schema)


def test_the_second_phase_wants_what_the_first_has_made(nlp):
    second = BatchClassifier(nlp, BatchOptions(phase="second"))
    first = BatchClassifier(nlp, BatchOptions(phase="first", top=2))
    for schema in (make_table().schema, first.make_schema(make_table().schema)):
        with pytest.raises(ValueError, match=r"\[L705\].*'routed'"):
            second.make_schema(schema)


@pytest.mark.parametrize("several", [False, True])
def test_lists_of_labels_are_there_if_wanted(nlp, several):
    allows = nlp.get_pipe(nlp.pipe_names[0]).kind.allows_several
    rows = BatchClassifier(nlp, BatchOptions(several=several)).classify(TEXTS)
    usual = BatchClassifier(nlp, BatchOptions()).classify(TEXTS)
    assert ("labels" in usual.schema.names) == allows
    assert ("labels" in rows.schema.names) == several
    if several and not allows:
        labels = [
            None if label is None else [label] for label in rows["label"].to_pylist()
        ]
        assert rows["labels"].to_pylist() == labels
    assert len(rows) == len(GOOD) + 1
