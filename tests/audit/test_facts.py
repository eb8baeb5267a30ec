import builtins
import re
from dataclasses import replace

import pytest

from spacy_longtail.audit import audit_corpus
from spacy_longtail.audit.facts import draw_frequencies, render_audit
from spacy_longtail.audit.validation import CrossValidation, Suspect


@pytest.fixture
def page(pairs, write):
    pytest.importorskip("matplotlib")
    pairs = [*pairs, ("<b>card</b> lost", {"bank/card": 1.0})]
    pairs.append(("<b>card</b> lost", {"bank/fee": 1.0}))
    dev = write(pairs[:3], name="dev.spacy")
    return render_audit(audit_corpus(write(pairs), dev=dev))


def test_page_needs_nothing_else(page):
    page = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    page = re.sub(r"<!DOCTYPE svg[^>]*>", "", page)
    assert not re.search(r"https?://|<script|<link|@import|url\((?!#)", page)


def test_texts_are_escaped(page):
    assert "&lt;b&gt;card&lt;/b&gt; lost" in page
    assert "<b>card</b>" not in page


def test_page_has_every_part(page):
    parts = ["Advice", "Frequency", "Levels", "What would be pooled", "Texts", "Dev"]
    for part in [*parts, "Effective weights"]:
        assert f"<h2>{part}</h2>" in page
    assert "prefers-color-scheme: dark" in page


def test_labels_in_doubt_stand_out_and_texts_stand_beside_their_labels(pairs, write):
    pairs = [*pairs, ("my new card was lost there", {"bank/card": 1.0})]
    pairs.append(("my new card was lost there again", {"bank/bank_fee": 1.0}))
    suspect = Suspect(0, "text", ["a", "b"], ["a"], 0.001, 0.02, 1, "no more like b")
    found = CrossValidation(5, True, 1, 0, 0, 3, [suspect], [], 0, 0, [])
    page = render_audit(replace(audit_corpus(write(pairs)), cross_validation=found))
    (row,) = found.tables()[0].rows
    assert found.tables()[0].header[1:3] == ("In doubt", "Lacking")
    assert row == ("text", "b", "", "0.001")
    assert '<dd>a, <b>b</b> <span class="muted">0.001</span></dd>' in page
    # That of a label that isn't suggested would look like that of a.
    assert "<dd>a</dd>" in page and "0.020" not in page
    near = page[page.index("Nearly equal texts") :]
    for text, label in (("there", "bank/card"), ("there again", "bank/bank_<wbr>fee")):
        assert f'lost {text} <span class="muted">{label}</span></div>' in near


def test_curve_has_the_colour_of_the_text():
    pytest.importorskip("matplotlib")
    svg = draw_frequencies([100, 10, 1])
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert not re.search(r"(fill|stroke): #(?!none)", svg)
    assert svg == draw_frequencies([100, 10, 1])


def test_without_matplotlib(monkeypatch):
    real = builtins.__import__

    def fake(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ValueError, match=r"\[L642\].*spacy-longtail\[report\]"):
        draw_frequencies([1])
