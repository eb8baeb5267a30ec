from html import unescape

import pytest
import spacy

from spacy_longtail.explain import explain, render_explanation

TEXT = "my card and\n hotel room"


def test_training_text_is_the_nearest_to_itself(kept_nlp, kind_seen):
    text = kind_seen[0].reference.text
    label = max(kind_seen[0].reference.cats.items(), key=lambda pair: pair[1])[0]
    found = explain(kept_nlp, text, label=label)
    first, *others = found.nearest
    assert first.text == text and label in first.labels
    assert first.similarity == pytest.approx(1.0, abs=1e-4)
    assert len(others) == 2 and others[0].similarity >= others[1].similarity
    assert explain(kept_nlp, text, label=label, n_nearest=0).nearest == []
    table = found.tables()[-1]
    assert table.header[0] == "Training texts like this one"
    assert table.rows[0][1:] == (", ".join(first.labels), "1.00")
    assert "Training texts like this one" in render_explanation(found)
    assert found.to_dict()["nearest"][0]["text"] == text


def test_nothing_is_shown_where_no_text_is_kept(kind_nlp):
    found = explain(kind_nlp, TEXT)
    assert found.nearest == [] and not found.tables()[-1].rows
    assert "Training texts" not in render_explanation(found)


def test_label_that_is_a_code_is_shown_with_its_title(kind_nlp):
    pipe = kind_nlp.get_pipe(kind_nlp.pipe_names[-1])
    words = ["Cards", ",", "and", "chips", "(", "of", "l'", "or", ")"]
    pipe.cfg["names"][pipe.taxonomy.index["money/card"]] = [words]
    found = explain(kind_nlp, TEXT, label="money/card")
    title = "Cards, and chips (of l'or)"
    assert found.titles == {"money/card": title}
    lines = [line.text for table in found.tables() for line in table.lines]
    assert f"money/card: {title}" in lines
    page = unescape(render_explanation(found))
    assert f"money/card: {title}" in page
    assert f'<h1>money/card <span class="soft">{title}</span></h1>' in page


@pytest.mark.parametrize("max_examples", [0, 20])
def test_no_training_text_is_saved_if_none_is_kept(
    kind_nlp, kind_seen, tmp_path, max_examples
):
    config = {"source": kind_nlp.pipe_names[-1], "max_examples": max_examples}
    fallback = kind_nlp.add_pipe("zero_shot_fallback", config=config)
    fallback.initialize(lambda: kind_seen, nlp=kind_nlp)
    doc = kind_nlp("my card and hotel room")
    kind_nlp.to_disk(tmp_path / "model")
    saved = b"\n".join(
        p.read_bytes() for p in (tmp_path / "model").rglob("*") if p.is_file()
    )
    for example in kind_seen:
        words = example.reference.text.split()
        # Neither the text nor three words of it in a row.
        parts = [
            example.reference.text,
            *map(" ".join, zip(words, words[1:], words[2:])),
        ]
        found = [part for part in parts if part.encode("utf8") in saved]
        assert bool(found) == (max_examples > 0)
    again = spacy.load(tmp_path / "model")("my card and hotel room")
    assert again.cats == pytest.approx(doc.cats)
