import json

import pytest
import srsly

from spacy_longtail.audit.labels import find_codes, find_spellings, read_titles
from spacy_longtail.taxonomy import build_taxonomy

# The data sets whose labels are codes.
CODED = {"en_tram", "es_codiesp", "fr_rome"}


def test_labels_that_differ_in_nothing_that_counts():
    labels = ["Bank", "bank", "lost_card", "Lost card", "caf\u00e9", "cafe\u0301", "x"]
    labels += ["loan", "lo\u200ban", "fee", "fees"]
    expected = [["Bank", "bank"], ["Lost card", "lost_card"]]
    expected += [["cafe\u0301", "caf\u00e9"], ["loan", "lo\u200ban"]]
    assert find_spellings(labels) == expected


@pytest.mark.parametrize(
    "labels,n_codes",
    [
        (["D/15/08", "E/11/03"], 2),
        (["T1562/001", "T1005"], 2),
        (["e/e27/e27.9", "s/s36/s36.00x", "x/x58/x58.xxx"], 2),
        (["541110", "62", "A1-1b", "Ж12", "B00ABC12"], 5),
        ([f"CWE-{n}" for n in range(10)], 10),
        (["Finance/541110", "Trade/C1"], 2),
        (["windows 10", "windows 11", "linux", "covid19"], 0),
        (["401k", "pension", "ira", "Roth 2"], 1),
        (["bank/card", "bank/fee"], 0),
        (["糖尿病2型", "高血圧1", "α2"], 0),
        (["541110 Corn", "541120 Grain"], 0),
        (["C/corn", "D/rice"], 0),
    ],
)
def test_labels_that_are_codes(labels, n_codes):
    assert len(find_codes(labels, "/")) == n_codes


def test_labels_of_the_data_sets_are_codes_or_are_not(data_dir):
    shares = {}
    for folder in sorted(data_dir.iterdir()):
        lines = (folder / "dev.jsonl").read_text("utf8").splitlines()
        rows = map(json.loads, lines)
        labels = {x for row in rows for x in row.get("labels") or [row.get("label")]}
        labels = sorted(filter(None, labels))
        shares[folder.name] = len(find_codes(labels, "/")) / len(labels)
    assert {name for name, share in shares.items() if share > 0.95} == CODED
    assert all(share < 0.02 for name, share in shares.items() if name not in CODED)


def test_codes_have_their_titles_or_descriptions(tmp_path):
    taxonomy = build_taxonomy({"D/15/08": 3, "D/15/09": 2, "D/16/01": 1})
    path = tmp_path / "descriptions.jsonl"
    rows = [
        {"label": "D/15/08", "title": "Tills", "description": "Who works at a till."},
        {"label": "D/15/09", "description": "Who fills shelves. " * 6},
        {"label": "D/15", "description": "A category."},
    ]
    srsly.write_jsonl(path, rows)
    titles = read_titles(path, taxonomy)
    assert list(titles) == ["D/15/08", "D/15/09"] and titles["D/15/08"] == "Tills"
    assert titles["D/15/09"].startswith("Who fills shelves. Who")
    assert len(titles["D/15/09"]) == 80 and titles["D/15/09"].endswith("…")
    table = tmp_path / "codes.csv"
    table.write_text("code,title\nD1508,Till manager\n", encoding="utf8")
    assert read_titles(table, taxonomy) == {"D/15/08": "Till manager"}
    assert read_titles(None, taxonomy) == {}


def test_names_that_say_something_need_no_description(tmp_path):
    path = tmp_path / "descriptions.jsonl"
    srsly.write_jsonl(path, [{"label": "bank/card", "description": "All of cards."}])
    assert read_titles(path, build_taxonomy({"bank/card": 3, "bank/fee": 2})) == {}
