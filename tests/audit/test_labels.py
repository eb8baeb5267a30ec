import json

import pytest

from spacy_longtail.audit.labels import find_codes, find_spellings

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
