import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_longtail.vectors.corpus_words import count_words, read_words

TEXTS = ["My Card, my card!", "send  money", "Geld\nund Geld"]


def write(folder, suffix):
    path = folder / f"corpus{suffix}"
    if suffix == ".spacy":
        nlp = spacy.blank("en")
        DocBin(docs=[nlp.make_doc(text) for text in TEXTS]).to_disk(path)
    elif suffix == ".jsonl":
        srsly.write_jsonl(path, [{"text": text} for text in TEXTS])
    elif suffix == ".csv":
        rows = "".join(f'"{text}",my label\n' for text in TEXTS)
        path.write_text(f"text,card\n{rows}", encoding="utf8")
    else:
        path.write_text("\n".join(TEXTS), encoding="utf8")
    return path


@pytest.mark.parametrize("suffix", [".spacy", ".jsonl", ".csv", ".txt"])
def test_counts_lower_cased_words(tmp_path, suffix):
    path = write(tmp_path, suffix)
    assert set(count_words([path])) == {"my", "card", "geld"}
    assert count_words([path], min_freq=1)[:2] == ["my", "card"]
    assert "money" in count_words([path, path])


@pytest.mark.parametrize(
    "name,content",
    [
        ("a.spacy", b"x"),
        ("a.jsonl", b"{}\n"),
        ("a.csv", b"body\nhi\n"),
        ("a.txt", b"\xff"),
        ("no.txt", None),
    ],
)
def test_unreadable_corpus(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"\[L262\].*{name}"):
        count_words([tmp_path / name])


def test_vocabulary_file(tmp_path):
    (tmp_path / "words.txt").write_text("card\n\n bank \n", encoding="utf8")
    assert read_words(tmp_path / "words.txt") == ["card", "bank"]
    with pytest.raises(ValueError, match=r"\[L262\]"):
        read_words(tmp_path / "none.txt")
