import pytest

from spacy_longtail.starting.code_list import ListColumns, read_code_list


def get(path, *keys, **options):
    found = read_code_list(path, **options)
    return [tuple(record[key] for key in keys) for record in found.records]


def test_labels_are_the_codes_at_the_bottom_and_those_above(tree):
    found = read_code_list(tree)
    assert [r["label"] for r in found.records] == ["A/A1", "A/A2", "B/B1", "B/B2"]
    first = found.records[0]
    assert first["title"] == "Dogs" and first["above"] == "Animals"
    assert first["description"].startswith("Animals that bark")
    assert first["source"].endswith("codes.csv, line 3")
    assert found.tree == "parents" and found.n_rows == 6


def test_labels_can_be_titles_or_flat(tree):
    titles = get(tree, "label", segments="title")
    assert titles[0] == ("Animals/Dogs",)
    flat = get(tree, "label", "above", flat=True)
    assert flat[1] == ("A1", "") and len(flat) == 6


def test_codes_that_begin_like_others_are_below_them(write):
    lines = ["Code;Bezeichnung", "31-33;Industrie", "311;Nahrung", "3111;Futter"]
    lines += ["72;Gastgewerbe", "721;Hotels", "7211;Motels", "7212;Camping"]
    path = write("\n".join(lines))
    found = read_code_list(path)
    labels = [record["label"] for record in found.records]
    assert labels == ["31-33/311/3111", "72/721/7211", "72/721/7212"]
    assert found.tree == "prefixes"
    assert found.records[2]["above"] == "Gastgewerbe Hotels"


@pytest.mark.parametrize(
    "codes",
    [
        [str(n) for n in range(1, 40)],
        [f"A{n}" for n in range(1, 40)],
        ["10", "20", "101", "30", "40", "50"],
    ],
)
def test_numbers_that_count_are_no_hierarchy(write, codes):
    path = write("\n".join(["code,title", *(f"{c},Thing {c}" for c in codes)]))
    found = read_code_list(path)
    assert found.tree == "none"
    assert [record["label"] for record in found.records] == codes


def test_paths_are_read_with_titles_from_their_segments(write):
    lines = ["label,description", "Food/Milk_products,Cheese and butter", "Food/Bread,"]
    path = write("\n".join(lines))
    keys = "label", "title", "above", "description"
    assert get(path, *keys) == [
        ("Food/Milk_products", "Milk products", "Food", "Cheese and butter"),
        ("Food/Bread", "Bread", "Food", "Bread"),
    ]


def test_codes_can_be_paths_whose_titles_are_rows(write):
    lines = ["label,title", "D,Commerce", "D/15,Vente", "D/15/08,Caisse"]
    path = write("\n".join(lines))
    assert get(path, "label", "title", "above") == [
        ("D/15/08", "Caisse", "Commerce Vente")
    ]


def test_flat_list_of_names(write):
    path = write("name\nLost card\nNew card\n")
    assert get(path, "label", "title") == [
        ("Lost card", "Lost card"),
        ("New card", "New card"),
    ]


def test_code_without_a_title_has_its_description_or_nothing(write):
    path = write("code,title,description\nX1,,Broken glass\nX2,,\nX3,Fire,\n")
    found = read_code_list(path)
    assert [record["title"] for record in found.records] == [
        "Broken glass",
        "X2",
        "Fire",
    ]
    assert found.untitled == ["X2"]


def test_columns_can_be_named(write):
    path = write("Nr,Was,Wozu,Oben\n1,Hunde,Bellen,9\n9,Tiere,,\n")
    columns = ListColumns(code="Nr", title="Was", description="Wozu", parent="Oben")
    found = read_code_list(path, columns)
    assert found.records[0]["label"] == "9/1"
    with pytest.raises(ValueError, match=r"\[L613\].*'Worte'"):
        read_code_list(path, ListColumns(title="Worte"))


def test_row_that_is_there_twice_is_left_out(write):
    path = write("code,title\n1,Dogs\n1,Dogs\n2,Cats\n")
    found = read_code_list(path)
    assert len(found.records) == 2 and found.n_repeated == 1


@pytest.mark.parametrize(
    "text, code",
    [
        ("one,two,three\na,b,c\n", r"L781.*'one', 'two', 'three'"),
        ("code,title\n1,Dogs\n1,Cats\n", r"L782.*line 3: the code '1'.*line 2"),
        ("code,title,parent\n1,Dogs,2\n2,Cats,1\n", r"L783.*'1' > '2' > '1'"),
        ("label,title\na//b,Dogs\n", r"L786.*'a//b'"),
        ("code,title\n,Dogs\n", r"L668.*'Dogs'"),
    ],
)
def test_list_that_is_wrong(write, text, code):
    with pytest.raises(ValueError, match=rf"\[{code}"):
        read_code_list(write(text))


def test_titles_that_are_no_labels(write):
    path = write("code,title\n1,Dogs\n2,Dogs\n")
    with pytest.raises(ValueError, match=r"\[L784\].*'Dogs'.*\['1', '2'\]"):
        read_code_list(path, segments="title")
    path = write("code,title\n1,Cats/dogs\n2,Birds\n")
    with pytest.raises(ValueError, match=r"\[L787\].*'Cats/dogs'"):
        read_code_list(path, segments="title")
    assert get(path, "label", segments="title", separator="|")[0] == ("Cats/dogs",)
    with pytest.raises(ValueError, match=r"\[L780\].*'words'"):
        read_code_list(path, segments="words")
