import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from spacy import registry

from spacy_longtail.vectors.storage import read_meta
from spacy_longtail.vectors.table import DATA_DIR, make_bundled_vectors

# What each registered version opens, for good.
NAMES = {"v1": "en-minilm-256", "v2": "en-minilm-wordnet-256"}
SCRIPT = """
import sys
from spacy_longtail.vectors.table import make_bundled_vectors
table = make_bundled_vectors()
assert "data" not in vars(table)
assert table.width == 256
assert "data" not in vars(table)
table.find("invoice")
assert "data" in vars(table)
assert not {"transformers", "sklearn"} & set(sys.modules)
"""


@pytest.mark.parametrize("version,name", NAMES.items())
def test_rows_have_the_width_they_claim(version: str, name: str) -> None:
    table = registry.misc.get(f"spacy-longtail.BundledVectors.{version}")()
    assert table.name == name
    assert table.get(numpy.array([0, 1])).shape == (2, table.width) == (2, 256)
    assert len(set(table.words)) == len(table) == len(table.data.rows)


def test_unknown_name_is_an_error_that_lists_names() -> None:
    with pytest.raises(ValueError, match=r"\[L250\].*'xx'.*en-minilm-256"):
        make_bundled_vectors(name="xx")


@pytest.mark.parametrize("name", ["", "..", "en-minilm-256/", "\x00"])
def test_name_is_not_a_path(name: str) -> None:
    with pytest.raises(ValueError, match=r"\[L250\]"):
        make_bundled_vectors(name=name)


def test_one_table_per_process() -> None:
    assert make_bundled_vectors() is make_bundled_vectors(name=NAMES["v2"])


def test_table_is_pickled_by_name_and_shared_after() -> None:
    table = make_bundled_vectors()
    table.find("invoice")
    content = pickle.dumps(table)
    assert len(content) < 200
    assert str(DATA_DIR).encode() not in content
    assert pickle.loads(content) is table


def test_nothing_is_read_before_first_lookup() -> None:
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.parametrize("name", NAMES.values())
def test_folder_is_at_most_10_mb_and_has_its_licence(name: str) -> None:
    folder = DATA_DIR / name
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 10_000_000
    assert "Apache License" in (folder / "LICENSE-APACHE-2.0.txt").read_text()
    assert "all-MiniLM-L6-v2" in (folder / "NOTICE.txt").read_text()


def test_licence_of_the_texts_is_beside_what_was_learnt_from_them() -> None:
    folder = DATA_DIR / NAMES["v2"]
    licence = (folder / "LICENSE-WORDNET-3.0.txt").read_text()
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in licence
    assert "All rights reserved" in licence and "OTHER RIGHTS." in licence
    assert "WordNet 3.0" in (folder / "NOTICE.txt").read_text()
    assert make_bundled_vectors().meta["licence"] == "Apache-2.0 AND WordNet-3.0"


@pytest.mark.parametrize("name", NAMES.values())
def test_files_are_those_that_were_built(name: str) -> None:
    # The sums are in the README of spacy_longtail/vectors too.
    text = (DATA_DIR.parent / "README.md").read_text(encoding="utf8")
    for file, checksum in read_meta(DATA_DIR / name)["files"].items():
        assert f"`{file}` | `{checksum}`" in text


def test_rows_imitate_sentences() -> None:
    """A question is closer to what it is about than in rows that imitate nothing."""
    found = {}
    for version in NAMES:
        table = registry.misc.get(f"spacy-longtail.BundledVectors.{version}")()
        texts = ["can you tell me what the weather is like", "weather", "tell", "like"]
        bags = [
            sum(
                table.get(numpy.array(table.find(word))).mean(0)
                for word in text.split()
            )
            for text in texts
        ]
        X = numpy.vstack([bag / numpy.linalg.norm(bag) for bag in bags])
        found[version] = X[0] @ X[1] - max(X[0] @ X[2], X[0] @ X[3])
    assert found["v2"] > found["v1"] + 0.1


def test_similar_words_are_close() -> None:
    table = make_bundled_vectors()
    words = ["money", "cash", "banana"]
    X = numpy.vstack([table.get(numpy.array(table.find(w))).mean(0) for w in words])
    X /= numpy.linalg.norm(X, axis=1, keepdims=True)
    assert X[0] @ X[1] > 0.3 > X[0] @ X[2]


def test_frequent_words_weigh_less() -> None:
    table = make_bundled_vectors()
    lengths = {
        word: numpy.linalg.norm(table.get(numpy.array(table.find(word))))
        for word in (".", "the", "refund")
    }
    assert lengths["."] < lengths["the"] < lengths["refund"]
