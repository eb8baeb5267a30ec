import pytest
import srsly

from spacy_longtail.saved import (
    check_fields,
    check_number,
    check_texts,
    explain_damage,
    get_digest,
    read_array,
    read_json,
    read_msgpack,
    refuse,
    write_json,
)


def test_numbers_are_read_as_they_were_written():
    data = {"b": 0.1 + 0.2, "a": [1e-40, 1, 1 / 3], "é": "ü"}
    assert read_json(write_json(data)) == data


def test_digest_is_that_of_the_content():
    assert get_digest({"a": 1, "b": 2.5}) == get_digest({"b": 2.5, "a": 1})
    parts = [b"ab", b"c"], [b"a", b"bc"], [b"abc"], [["ab", "c"]], [[1]], [[1.0]]
    assert len({get_digest(*part) for part in parts}) == len(parts)


@pytest.mark.parametrize(
    "error,problem",
    [
        (FileNotFoundError(2, "No such file"), "it is missing"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (KeyError("nodes"), "KeyError"),
        (MemoryError(), "MemoryError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_goes_wrong_is_one_error_that_names_the_file(error, problem):
    with pytest.raises(ValueError, match=rf"\[L360\] a/cfg of 'pipe'.*: .*{problem}"):
        with explain_damage("a/cfg", "pipe"):
            raise error


def test_problem_is_told_once():
    with pytest.raises(ValueError) as error, explain_damage("outer", "pipe"):
        with explain_damage("inner", "pipe"):
            refuse("it has no head")
    assert str(error.value).startswith(
        "[L360] inner of 'pipe' can't be read: it has no"
    )


def test_newer_version_stays_what_it_is():
    with pytest.raises(ValueError, match=r"^\[L305\]"), explain_damage("cfg", "pipe"):
        raise ValueError("[L305] newer")


@pytest.mark.parametrize(
    "use",
    [
        lambda: read_msgpack(srsly.msgpack_dumps([1, 2])[:-1]),
        lambda: read_msgpack("text"),
        lambda: read_json(b"[1]"),
        lambda: read_json(b'{"a": Infinity}'),
        lambda: check_fields({"a": 1}, {"a": int, "b": int}, "it"),
        lambda: check_fields({"a": 1, "b": 1}, {"a": int}, "it"),
        lambda: check_fields({"a": True}, {"a": int}, "it"),
        lambda: check_texts(["a", 1], "it"),
        lambda: check_texts(["a", "a"], "it", distinct=True),
        lambda: check_number(float("nan"), "it"),
        lambda: check_number(0.0, "it", above=0.0),
        lambda: read_array(bytes(8), "<f4", (3,), "it"),
        lambda: read_array(bytes(8), "<f4", (-1, -2), "it"),
        lambda: read_array(bytes(8), "<f4", (2**40, 2**40), "it"),
        lambda: read_array(b"\xff" * 8, "<f4", (2,), "it"),
    ],
)
def test_what_was_not_written_is_refused(use):
    with pytest.raises(ValueError, match=r"\[L361\]"):
        use()
