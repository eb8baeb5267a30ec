import re

import pytest
from spacy import registry
from thinc.api import Config

from spacy_longtail.descriptions import (
    check_descriptions,
    get_titles,
    make_label_descriptions,
)
from spacy_longtail.taxonomy import build_taxonomy

CONFIG = """
[descriptions]
@misc = "spacy-longtail.LabelDescriptions.v1"
path = {path}
"""


@pytest.fixture
def taxonomy():
    return build_taxonomy({"banking/transfer": 3, "banking/balance": 1, "visa": 2})


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "descriptions.jsonl"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf8"))
        return path

    return write


def get_texts(records):
    return {record["label"]: record["description"] for record in records}


def test_descriptions_are_read_in_the_order_of_the_file(write):
    path = write(
        '{"label": "visa", "description": "Permit to enter"}\n'
        '{"label": "banking", "description": "Money", "note": "ignored"}\n'
    )
    assert make_label_descriptions(path) == [
        {
            "label": "visa",
            "description": "Permit to enter",
            "source": f"{path}, line 1",
        },
        {"label": "banking", "description": "Money", "source": f"{path}, line 2"},
    ]


def test_no_path_gives_no_descriptions():
    assert make_label_descriptions() == []
    assert make_label_descriptions(None) == []


def test_path_can_be_a_string(write):
    path = write('{"label": "a", "description": "b"}')
    assert make_label_descriptions(str(path)) == make_label_descriptions(path)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_empty_file_gives_no_descriptions(write, text):
    assert make_label_descriptions(write(text)) == []


def test_empty_lines_are_skipped_but_counted(write):
    path = write('\n  \r\n{"label": "a", "description": "b"}\r\n')
    (record,) = make_label_descriptions(path)
    assert record["source"] == f"{path}, line 3"


def test_byte_order_mark_is_skipped(write):
    path = write(b'\xef\xbb\xbf{"label": "a", "description": "b"}\n')
    assert get_texts(make_label_descriptions(path)) == {"a": "b"}


def test_any_character_can_stand_in_a_description(write):
    """U+2028 and U+0085 end a line for str.splitlines, not for JSON lines."""
    text = "Kündigung 🎉\u2028\x85عربي"
    path = write(f'{{"label": "a", "description": "{text}"}}\n')
    assert get_texts(make_label_descriptions(path)) == {"a": text}


@pytest.mark.parametrize(
    "line,problem",
    [
        ('{"label": "a"', r"isn't JSON \(Expecting"),
        (b'{"label": "\xff"}', "isn't UTF-8"),
        ("[]", "found list instead of an object"),
        ('"visa"', "found str instead of an object"),
        ('{"description": "b"}', "'label' is missing"),
        ('{"label": "a"}', "'description' is missing"),
        ('{"label": "a", "description": " "}', "'description' is missing, empty"),
        ('{"label": 3, "description": "b"}', "'label' is missing, .* not a string"),
    ],
)
def test_line_that_is_no_description_is_an_error(write, line, problem):
    line = line if isinstance(line, bytes) else line.encode("utf8")
    path = write(b'{"label": "x", "description": "y"}\n' + line)
    where = re.escape(str(path))
    with pytest.raises(ValueError, match=rf"\[L020\] {where}, line 2: .*{problem}"):
        make_label_descriptions(path)


def test_second_description_of_a_label_is_an_error(write):
    line = '{"label": "a", "description": "b"}\n'
    path = write(line + "\n" + line)
    match = r"\[L021\] .*line 3: .*second description of 'a'.*line 1"
    with pytest.raises(ValueError, match=match):
        make_label_descriptions(path)


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_missing_file_is_an_error(tmp_path, name):
    with pytest.raises(ValueError, match=r"\[L023\].*--paths.descriptions"):
        make_label_descriptions(tmp_path / name)


def test_descriptions_can_be_of_any_node(taxonomy):
    texts = {"banking": "Money", "visa": "Permit to enter"}
    assert check_descriptions(texts, taxonomy) == texts


def test_records_of_a_file_are_checked(write, taxonomy):
    path = write('{"label": "visa", "description": "Permit to enter"}')
    records = make_label_descriptions(path)
    assert check_descriptions(records, taxonomy) == {"visa": "Permit to enter"}


def test_label_can_have_a_title_and_what_is_above_it(write):
    path = write(
        '{"label": "a/1", "description": "b", "title": "Milk", "above": "Food"}\n'
        '{"label": "a/2", "description": "b", "title": "Bread"}\n'
        '{"label": "a/3", "description": "b"}'
    )
    titles = get_titles(make_label_descriptions(path))
    assert titles == {"a/1": ["Milk", "Food"], "a/2": ["Bread", ""]}
    assert get_titles({"a/1": "b"}) == {}


@pytest.mark.parametrize("descriptions", [{}, []])
def test_there_may_be_no_descriptions(taxonomy, descriptions):
    assert check_descriptions(descriptions, taxonomy) == {}


def test_description_of_an_unknown_label_names_file_and_similar_labels(write, taxonomy):
    path = write('{"label": "banking/transfers", "description": "b"}')
    match = r"\[L022\] .*descriptions.jsonl, line 1: .*Did you mean: banking/transfer"
    with pytest.raises(ValueError, match=match):
        check_descriptions(make_label_descriptions(path), taxonomy)


@pytest.mark.parametrize(
    "descriptions", [{"x": "y"}, [{"label": "x", "description": "y"}]]
)
def test_unknown_label_without_a_file_is_an_error(taxonomy, descriptions):
    with pytest.raises(ValueError, match=r"\[L022\] descriptions: .*'x'"):
        check_descriptions(descriptions, taxonomy)


@pytest.mark.parametrize("descriptions", [{"visa": ""}, {"visa": 3}, [{"label": "x"}]])
def test_description_has_to_be_a_text(taxonomy, descriptions):
    with pytest.raises(ValueError, match=r"\[L020\] descriptions: 'description'"):
        check_descriptions(descriptions, taxonomy)


def test_descriptions_are_built_from_a_config(write):
    path = write('{"label": "a", "description": "b"}')
    config = Config().from_str(CONFIG.format(path=f'"{path.as_posix()}"'))
    records = registry.resolve(config)["descriptions"]
    assert get_texts(records) == {"a": "b"}


def test_config_without_a_path_gives_no_descriptions():
    config = Config().from_str(CONFIG.format(path="null"))
    assert registry.resolve(config)["descriptions"] == []
