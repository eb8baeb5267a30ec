from functools import partial

import pytest

from spacy_longtail.batch import predict
from spacy_longtail.batch.shards import Parts

pytest.importorskip("pyarrow")
ROWS = "id,text\n007,my card\n008,a screen\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def label(tickets_dir, table):
    """Label a table, given the output."""
    return partial(predict, tickets_dir / "model", table)


def test_a_folder_of_other_things_is_never_replaced(label, tmp_path, monkeypatch):
    folder = tmp_path / "results"
    label(folder)
    label(folder, force=True)
    (folder / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match=r"\[L625\].*'thesis.txt'"):
        label(folder, force=True)
    (folder / "thesis.txt").unlink()
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match=r"\[L603\]"):
        label(".", force=True)
    with pytest.raises(ValueError, match=r"\[L625\].*disk"):
        label("/", force=True)
    assert any(folder.iterdir())


@pytest.mark.parametrize("name", ["out.csv", "review.csv"])
def test_what_somebody_else_has_written_stays(label, tmp_path, monkeypatch, name):
    """What the run itself had written when it was killed is no reason to ask."""
    call = partial(label, tmp_path / "out.csv", review=tmp_path / "review.csv")
    monkeypatch.setattr(Parts, "drop", lambda self: None)
    call()
    call()
    (tmp_path / name).write_text("precious")
    with pytest.raises(ValueError, match=r"\[L604\]"):
        call()
    assert (tmp_path / name).read_text() == "precious"


def test_a_review_is_not_written_where_it_would_be_read(tickets_dir, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.csv").write_text(ROWS)
    for inputs in (tmp_path / "data", f"{tmp_path}/data/*.csv"):
        review = tmp_path / "data" / "review.csv"
        with pytest.raises(ValueError, match=r"\[L603\]"):
            predict(tickets_dir / "model", inputs, tmp_path / "o.csv", review=review)
