from datetime import date

import pytest

from spacy_longtail.tables import open_table
from spacy_longtail.tables.columns import Columns, RecordReader

openpyxl = pytest.importorskip("openpyxl")
ROWS = [("text", "label"), ("lost, my card", "b/card"), ("hi", 101)]


@pytest.fixture
def book():
    book = openpyxl.Workbook()
    book.active.title = "Tickets"
    return book


def fill(sheet, rows):
    for row in rows:
        sheet.append(row)


def save(book, tmp_path):
    path = tmp_path / "a.xlsx"
    book.save(path)
    return path


def read(path, columns=Columns(), **dialect):  # noqa: B008
    return RecordReader(open_table(path, **dialect), columns)


def test_rows_are_those_of_the_sheet(book, tmp_path):
    """Empty rows are none, and a code is 101 and not 101.0."""
    fill(book.active, [(), *ROWS[:2], (), ROWS[2], ("more", 7.0), (None, None)])
    table = open_table(save(book, tmp_path))
    rows = list(table.rows(["label", "text"]))
    assert rows == [
        (3, ("b/card", "lost, my card")),
        (5, (101, "hi")),
        (6, (7, "more")),
    ]
    assert table.where(3).endswith("a.xlsx, row 3")
    labels = [record.labels for record in read(table.path)]
    assert labels == [("b/card",), ("101",), ("7",)]


def test_zeros_that_only_the_format_shows_are_read(book, tmp_path):
    fill(book.active, [ROWS[0], ("x", 112), ("y", 112)])
    book.active["B2"].number_format = "00000"
    labels = [record.labels for record in read(save(book, tmp_path))]
    assert labels == [("00112",), ("112",)]


def test_without_a_header(book, tmp_path):
    fill(book.active, ROWS[1:])
    path = save(book, tmp_path)
    columns = Columns(text=("1",), label=("2",))
    found = [record[:2] for record in read(path, columns, header=False)]
    assert found == [("lost, my card", ("b/card",)), ("hi", ("101",))]
    with pytest.raises(ValueError, match=r"\[L613\].*'lost, my card'.*--no-header"):
        read(path)


def test_the_first_sheet_is_read_and_others_are_noted(book, tmp_path):
    fill(book.active, ROWS)
    book.active.sheet_state = "visible"
    fill(book.create_sheet("Old"), [ROWS[0], ("old", "b")])
    path = save(book, tmp_path)
    reader = read(path)
    assert [record.text for record in reader] == ["lost, my card", "hi"]
    assert reader.notes == {"other_sheets": 1}
    assert "'Old'" in reader.first["other_sheets"]
    assert [record.text for record in read(path, sheet="Old")] == ["old"]
    with pytest.raises(ValueError, match=r"\[L634\].*'New'.*'Tickets', 'Old'"):
        read(path, sheet="New")


def test_merged_cells_have_the_value_of_the_first(book, tmp_path):
    fill(book.active, [ROWS[0], ("x", "card"), ("y",), ("z",), ("u", "hotel")])
    book.active.merge_cells("B2:B4")
    labels = [record.labels for record in read(save(book, tmp_path))]
    assert labels == [("card",)] * 3 + [("hotel",)]


def test_lists_are_cells_with_a_separator(book, tmp_path):
    fill(book.active, [("text", "labels"), ("x", "a; b"), ("y", 7), ("z", None)])
    labels = [record.labels for record in read(save(book, tmp_path))]
    assert labels == [("a", "b"), ("7",), None]


def test_a_date_is_no_label(book, tmp_path):
    fill(book.active, [ROWS[0], ("x", date(2024, 1, 2))])
    with pytest.raises(ValueError, match=r"\[L617\].*row 2: .*datetime"):
        list(read(save(book, tmp_path)))
