import copy
import json
import pickle
from pathlib import Path
from typing import List

import numpy
import pytest

from spacy_longtail.vectors.table import StaticTable, make_bundled_vectors, quantize
from spacy_longtail.vectors.word_pieces import split_punctuation

WORDS = ["bank", "banks", "refund", "café", "uber", "-", "a", "##s", "##able", "##abl"]


@pytest.fixture
def table() -> StaticTable:
    vectors = numpy.random.RandomState(0).randn(len(WORDS), 4).astype("float32")
    return StaticTable.from_arrays(WORDS, vectors, name="test")


@pytest.fixture
def folder(table: StaticTable, tmp_path: Path) -> Path:
    table.to_disk(tmp_path / "test")
    return tmp_path / "test"


def find(table: StaticTable, word: str) -> List[str]:
    return [table.words[row] for row in table.find(word)]


@pytest.mark.parametrize(
    "word,pieces",
    [
        ("bank", ["bank"]),
        ("banks", ["banks"]),
        ("refunds", ["refund", "##s"]),
        ("refundables", ["refund", "##able", "##s"]),
        ("café", ["café"]),
        ("bänks", ["banks"]),
        ("über-bank", ["uber", "-", "bank"]),
        ("bank🎉bank", ["bank", "bank"]),
        ("bankzs", ["bank"]),
        ("zzz", []),
        ("##s", []),
        ("", []),
    ],
)
def test_unknown_word_is_its_longest_pieces(
    table: StaticTable, word: str, pieces: List[str]
) -> None:
    assert find(table, word) == pieces


# What transformers' BertTokenizer (4.53) says about these words.
@pytest.mark.parametrize(
    "word,pieces",
    [
        ("unbelievably", ["un", "##bel", "##ie", "##va", "##bly"]),
        ("invoice", ["in", "##vo", "##ice"]),
        ("reimbursement", ["rei", "##mb", "##urse", "##ment"]),
        ("covid19", ["co", "##vid", "##19"]),
        ("passwörter", ["pass", "##wo", "##rter"]),
        ("naïve", ["naive"]),
        ("straße", ["st", "##raße"]),
        ("don't", ["don", "'", "t"]),
        ("foo_bar", ["foo", "_", "bar"]),
        ("$100", ["$", "100"]),
        ("##ing", ["#", "#", "ing"]),
        ("日本語", ["日", "本", "語"]),
        ("москва", ["м", "##о", "##с", "##к", "##в", "##а"]),
        ("مرحبا", ["م", "##ر", "##ح", "##ب", "##ا"]),
        ("नमस्ते", ["न", "##म", "##स", "##त"]),
        ("i̇stanbul", ["istanbul"]),
        ("\u200bword", ["word"]),
    ],
)
def test_pieces_are_those_of_bert(word: str, pieces: List[str]) -> None:
    assert find(make_bundled_vectors(), word) == pieces


@pytest.mark.parametrize("word", ["\x00", "\ud800", "🎉", " ", "\n", "\u200b"])
def test_word_without_known_character_has_no_rows(word: str) -> None:
    assert make_bundled_vectors().find(word) == ()


def test_lone_surrogate_within_word_is_left_out() -> None:
    table = make_bundled_vectors()
    assert table.find("re\ud800fund") == table.find("refund")


def test_only_first_100_characters_are_looked_at() -> None:
    table = make_bundled_vectors()
    assert table.find("ab" * 5000) == table.find("ab" * 50)
    assert table.find("a" * 99 + "é" + "b" * 10) == table.find("a" * 99 + "e")


def test_punctuation_is_split_as_in_bert() -> None:
    assert split_punctuation("a.b c\x07d—e") == ["a", ".", "b", "cd", "—", "e"]


def test_get_equals_slow_dequantization(table: StaticTable) -> None:
    rows, scales = table.data.rows, table.data.scales
    picked = [3, 0, 3, 9]
    expected = [[int(v) * float(scales[r]) for v in rows[r]] for r in picked]
    result = table.get(numpy.array(picked))
    assert result.dtype == numpy.float32
    numpy.testing.assert_allclose(result, expected, rtol=1e-6)


def test_get_of_no_rows_is_empty(table: StaticTable) -> None:
    assert table.get(numpy.zeros(0, dtype="int32")).shape == (0, 4)


def test_result_of_get_can_be_changed(table: StaticTable) -> None:
    first = table.get(numpy.array([1]))
    first += 1
    assert not numpy.array_equal(first, table.get(numpy.array([1])))


def test_quantize_is_symmetric_and_off_by_half_a_step() -> None:
    vectors = numpy.random.RandomState(0).randn(50, 16).astype("float32")
    rows, scales = quantize(vectors)
    assert (numpy.abs(rows).max(axis=1) == 127).all()
    error = numpy.abs(rows * scales[:, None] - vectors)
    assert (error <= 0.5001 * scales[:, None]).all()


def test_quantize_keeps_zero_rows() -> None:
    rows, scales = quantize(numpy.zeros((2, 3), dtype="float32"))
    assert not rows.any() and not scales.any()


def test_disk_round_trip_and_same_bytes(table: StaticTable, folder: Path) -> None:
    loaded = StaticTable.from_disk(folder)
    assert (loaded.name, loaded.width, loaded.words) == ("test", 4, tuple(WORDS))
    every = numpy.arange(len(WORDS))
    numpy.testing.assert_array_equal(loaded.get(every), table.get(every))
    loaded.to_disk(folder.parent / "again")
    for path in folder.iterdir():
        assert (folder.parent / "again" / path.name).read_bytes() == path.read_bytes()


def test_nothing_but_meta_is_read_before_first_lookup(folder: Path) -> None:
    for path in folder.glob("*.npy"):
        path.unlink()
    table = StaticTable.from_disk(folder)
    assert table.width == 4
    with pytest.raises(ValueError, match=r"\[L251\].*rows.npy"):
        table.find("bank")


@pytest.mark.parametrize("name", ["rows.npy", "scales.npy", "words.txt"])
def test_damaged_file_is_an_error(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"\[L252\].*{name}"):
        StaticTable.from_disk(folder).find("bank")


@pytest.mark.parametrize(
    "text,problem",
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError"),
        ('{"format": "1", "name": "a", "width": 4, "files": {}}', "type for format"),
        ('{"format": 2, "name": "a", "width": 4, "files": {}}', "format 2"),
    ],
)
def test_unreadable_meta_is_an_error(folder: Path, text: str, problem: str) -> None:
    (folder / "meta.json").write_text(text)
    with pytest.raises(ValueError, match=rf"\[L253\].*{problem}"):
        StaticTable.from_disk(folder)


def test_width_is_that_of_the_rows(folder: Path) -> None:
    """It's asked for before they are read, and memory for documents by it."""
    text = (folder / "meta.json").read_text()
    (folder / "meta.json").write_text(text.replace('"width": 4', '"width": 4000000000'))
    with pytest.raises(ValueError, match=r"\[L220\].*rows.npy.*width 4000000000"):
        StaticTable.from_disk(folder)


@pytest.mark.parametrize("shape", ["(10, 4000000000)", "(99, 4)", "(10,)"])
def test_shape_is_that_of_the_numbers(folder: Path, shape: str) -> None:
    content = (folder / "rows.npy").read_bytes()
    shape = shape.ljust(20)
    damaged = content.replace(b"(10, 4), }          ", f"{shape[:17]}, }}".encode())
    assert damaged != content
    (folder / "rows.npy").write_bytes(damaged)
    with pytest.raises(ValueError, match=r"\[L220\].*rows.npy"):
        StaticTable.from_disk(folder)


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[L251\].*meta.json"):
        StaticTable.from_disk(tmp_path / "none")


@pytest.mark.parametrize("words", [["a", "b"], ["a", "b", "a"]])
def test_words_have_to_fit_rows(words: List[str]) -> None:
    with pytest.raises(ValueError, match=r"\[L254\]"):
        StaticTable.from_arrays(words, numpy.ones((3, 2), dtype="f"), name="x")


def test_meta_says_where_table_comes_from() -> None:
    meta = make_bundled_vectors().meta
    assert meta["licence"] == "Apache-2.0 AND WordNet-3.0"
    assert meta["source"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert json.loads(json.dumps(meta)) == meta


def test_table_from_disk_pickles_as_its_path(folder: Path) -> None:
    table = StaticTable.from_disk(folder)
    table.find("bank")
    content = pickle.dumps(table)
    assert str(folder).encode() in content and b"refund" not in content
    assert pickle.loads(content).find("refunds") == table.find("refunds")


def test_table_in_memory_pickles_with_its_data(table: StaticTable) -> None:
    loaded = pickle.loads(pickle.dumps(table))
    every = numpy.arange(len(WORDS))
    numpy.testing.assert_array_equal(loaded.get(every), table.get(every))
    assert loaded.find("refunds") == table.find("refunds")


def test_deep_copy_shares_the_table(table: StaticTable) -> None:
    assert copy.deepcopy([table])[0] is table


def test_a_table_replaces_another_whole(table: StaticTable, tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "meta.json").write_text("old")
    table.to_disk(folder)
    assert StaticTable.from_disk(folder).words == table.words
    assert (folder / "notes.txt").read_text() == "mine"
    # A file is no place for a table.
    with pytest.raises(ValueError, match=r"\[L625\].*meta\.json"):
        table.to_disk(folder / "meta.json")
    assert StaticTable.from_disk(folder).words == table.words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vectors"]
