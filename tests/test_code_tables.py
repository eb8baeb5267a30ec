import csv
import re
import warnings
from collections import Counter

import pytest
import spacy
import srsly
from spacy.training import Example

from spacy_longtail.code_tables import match_codes
from spacy_longtail.descriptions import (
    check_descriptions,
    get_described,
    make_label_descriptions,
)
from spacy_longtail.taxonomy import build_taxonomy

LABELS = ["D/15/08", "D/15/03", "G/16/03", "e/e27/e27.9", "0/01/0111", "0/01/0112"]


@pytest.fixture
def taxonomy():
    return build_taxonomy(dict.fromkeys(LABELS, 3))


@pytest.fixture
def write(tmp_path):
    def write(text, name="codes.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf8"))
        return path

    return write


def describe(path, taxonomy):
    return check_descriptions(make_label_descriptions(path), taxonomy)


def write_excel(path, rows):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    "name,text",
    [
        ("a.csv", "code,title\nD/15/08,Chef de rayon\n"),
        ("a.csv", "\ufeffCode;Titre;Title\nD/15/08;x;Chef de rayon\n"),
        ("a.csv", '"ROME code"|"job title"\nD/15/08|"Chef de rayon"\n'),
        ("a.tsv", "label\tdescription\nD/15/08\tChef de rayon\n"),
        ("a.tab", "name\tcode\nChef de rayon\tD/15/08\n\t\n"),
        ("a.csv", "code,label\nD/15/08,Chef de rayon\n"),
        ("a.csv", "Code ROME;Intitulé\nD/15/08;Chef de rayon\n"),
        ("a.jsonl", '\n{"code": "D/15/08", "title": "Chef de rayon"}\n'),
        ("a.json", '[{"code": "D/15/08", "title": "Chef de rayon"}]'),
        ("a.json", '{"label": "D/15/08", "description": "Chef de rayon"}\n'),
        ("a.jsonl", '{"label": "D/15/08", "description": "Chef de rayon", "code": 1}'),
    ],
)
def test_tables_of_codes_are_descriptions(write, taxonomy, name, text):
    assert describe(write(text, name), taxonomy) == {"D/15/08": "Chef de rayon"}


def test_title_and_description_are_joined(write, taxonomy):
    path = write('code,description,title\nD/15/08,"Leads, sells",Head\nD,Head,Head\n')
    expected = {"D": "Head", "D/15/08": "Head: Leads, sells"}
    assert describe(path, taxonomy) == expected


@pytest.mark.parametrize(
    "code,node",
    [
        ("D", "D"),
        ("15", "D/15"),
        ("D15", "D/15"),
        ("d15.08", "D/15/08"),
        ("D1508", "D/15/08"),
        ("08", "D/15/08"),
        ("e27.9", "e/e27/e27.9"),
        ("E279", "e/e27/e27.9"),
        ("0/01", "0/01"),
        ("0111", "0/01/0111"),
        ("01.11", "0/01/0111"),
        ("D1599", None),
        ("90", None),
    ],
)
def test_code_means_a_path_or_its_end_punctuation_or_not(taxonomy, code, node):
    records = [{"code": "e27", "description": "x"}, {"code": code, "description": "y"}]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        texts = check_descriptions(records, taxonomy)
    assert texts == {"e/e27": "x", **({node: "y"} if node else {})}
    assert [str(w.message)[:7] for w in caught] == ([] if node else ["[LW507]"])


def test_code_that_can_mean_several_nodes_is_an_error(write, taxonomy):
    path = write("code,title\nD,Trade\n03,Head\n")
    match = r"\[L669\] .*codes.csv, line 3: .*'03' .* 2 nodes.*'D/15/03', 'G/16/03'"
    with pytest.raises(ValueError, match=match):
        describe(path, taxonomy)


@pytest.mark.parametrize("code", [111, 111.0])
def test_codes_that_a_spreadsheet_has_eaten_are_found(tmp_path, taxonomy, code):
    path = write_excel(tmp_path / "a.xlsx", [["Code", "Title"], [code, "Rice"]])
    with pytest.warns(UserWarning, match=r"\[LW508\] 1 codes .*: 111 for '0/01/0111'"):
        assert describe(path, taxonomy) == {"0/01/0111": "Rice"}


def test_decimals_are_no_thousands():
    """01.1 and 01.10 are codes beside 11, and a spreadsheet makes 1.1 of both."""
    taxonomy = build_taxonomy({"01.10": 1, "11": 1, "02.1": 1})
    records = [
        {"code": "1.1", "description": "a", "source": "line 2"},
        {"code": "2.1", "description": "b", "source": "line 3"},
        {"code": "11", "description": "c", "source": "line 4"},
    ]
    with pytest.warns(UserWarning, match=r"\[LW508\] 2 codes from line 2"):
        found = match_codes(records, taxonomy)
    texts = {node: record["description"] for node, record in found.items()}
    assert texts == {"11": "c", "01.10": "a", "02.1": "b"}


def test_number_that_can_mean_two_codes_means_none():
    taxonomy = build_taxonomy({"0111": 1, "00111": 1, "02": 1})
    records = [{"code": "111", "description": "a"}, {"code": "02", "description": "b"}]
    with pytest.warns(UserWarning, match=r"\[LW507\] 1 of the 2 codes.*'111'"):
        assert check_descriptions(records, taxonomy) == {"02": "b"}


def test_what_is_written_alike_goes_first(taxonomy):
    """The 1 of an official table is another code than its 01."""
    taxonomy = build_taxonomy({"01": 1, "02": 1})
    records = [{"code": "1", "description": "a"}, {"code": "01", "description": "b"}]
    with pytest.warns(UserWarning, match=r"\[LW507\] 1 of the 2 codes"):
        assert check_descriptions(records, taxonomy) == {"01": "b"}


def test_larger_table_is_counted_once(write, taxonomy):
    rows = "".join(f"X{number},Nothing\n" for number in range(500))
    path = write(f"code,title\n{rows}D1508,Head\n")
    match = r"\[LW507\] 500 of the 501 codes from .*line 2 on .*'X0', 'X1', 'X2'\]"
    with pytest.warns(UserWarning, match=match) as caught:
        assert describe(path, taxonomy) == {"D/15/08": "Head"}
    assert len(caught) == 1


def test_table_of_other_codes_is_an_error(write, taxonomy):
    path = write("code,title\nX1,Nothing\nX2,Nothing\n")
    match = r"\[L670\] .*none of the 2 codes, .*'X1', 'X2', .*like '0/01/0111'"
    with pytest.raises(ValueError, match=match):
        describe(path, taxonomy)


@pytest.mark.parametrize("second", ["D/15/08", "D1508"])
def test_second_title_of_a_code_is_an_error(write, taxonomy, second):
    path = write(f"code,title\nD/15/08,Head\nD,Trade\n{second},Chief\n")
    if second == "D1508":
        # What is written alike goes first, but here both are only similar.
        path.write_text(path.read_text().replace("D/15/08", "D15-08"))
    match = r"\[L021\] .*codes.csv, line 4: .*'D.*8'; .*codes.csv, line 2"
    with pytest.raises(ValueError, match=match):
        describe(path, taxonomy)


@pytest.mark.parametrize("row,found", [("D,", "the code 'D'"), (",x", "the title 'x'")])
def test_row_without_code_or_title_is_an_error(write, row, found):
    path = write(f"code,title\nD/15/08,Head\n{row}\n")
    with pytest.raises(ValueError, match=rf"\[L668\] .*line 3: there is {found}"):
        make_label_descriptions(path)


@pytest.mark.parametrize(
    "text,problem",
    [
        ("id,text\n1,b\n", "columns 'id', 'text'"),
        ("code\nb\n", "columns 'code'"),
        ("code,titre,note\nb,c,d\n", "columns 'code', 'titre', 'note'"),
        ("code,title\nD,caf\xe9\n".encode("cp1252"), "text that isn't UTF-8"),
    ],
)
def test_table_without_codes_or_titles_is_an_error(write, text, problem):
    match = rf"\[L667\] .*codes.csv as .*{re.escape(problem)}.*'code' \(or 'label'\)"
    with pytest.raises(ValueError, match=match):
        make_label_descriptions(write(text))


def test_labels_are_the_codes_where_nothing_is_labelled(write):
    records = make_label_descriptions(write("code,title\nD,Trade\nE,Media\n"))
    assert get_described(records) == ["D", "E"]


@pytest.mark.parametrize("name", ["longtail_textcat", "longtail_textcat_multilabel"])
def test_components_know_the_titles_of_a_table(write, name):
    path = write("Code;Title\nX11;dairy products\nX12;fresh bread\n")
    nlp = spacy.blank("xx")
    nlp.add_pipe(name, config={"min_count": 3})
    nlp.add_pipe("zero_shot_fallback", config={"source": name})
    reader = {"@misc": "spacy-longtail.LabelDescriptions.v1", "path": str(path)}
    blocks = {pipe: {"descriptions": reader} for pipe in nlp.pipe_names}
    nlp.config["initialize"]["components"] = blocks
    texts = {"X/11": "lait", "X/12": "pain"}
    docs = {nlp.make_doc(text): {label: 1.0} for label, text in texts.items()}
    examples = [Example.from_dict(doc, {"cats": cats}) for doc, cats in docs.items()]
    nlp.initialize(lambda: examples)
    pipe, fallback = (nlp.get_pipe(pipe) for pipe in nlp.pipe_names)
    assert pipe.cfg["names"][0] == [["11"], ["dairy", "products"]]
    assert fallback.labels
    assert fallback.store.known["X/12"]["names"][1] == "fresh bread"


def test_official_table_of_job_codes(data_dir, tmp_path):
    """The labels of the corpus are paths, like D/15/08; the official code is D1508."""
    rows = srsly.read_jsonl(data_dir / "fr_rome" / "train.jsonl")
    taxonomy = build_taxonomy(Counter(row["label"] for row in rows))
    given = make_label_descriptions(data_dir / "fr_rome" / "descriptions.jsonl")
    path = tmp_path / "rome.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Code ROME", "Title"])
        for record in given:
            code = record["label"].replace("/", "")
            writer.writerow([code, record["description"]])
    expected = check_descriptions(given, taxonomy)
    assert len(expected) > 500
    assert describe(path, taxonomy) == expected
