"""All pages in a real browser, on a phone, on half a screen and on a whole one."""

from copy import deepcopy

import pytest
from spacy.tokens import DocBin
from spacy.training import Example

from spacy_longtail.audit import audit_corpus
from spacy_longtail.audit.facts import render_audit
from spacy_longtail.explain import explain, render_explanation
from spacy_longtail.report import build_report, render_html

pytestmark = pytest.mark.slow
LONG = "Support Activities for Rail Transportation " * 3 + "unbreakable" * 8
OPEN = "document.querySelectorAll('details').forEach(part => { part.open = true; })"
# All but the last look for what is wrong, and return it.
WIDER = """const page = document.documentElement;
    return page.scrollWidth > page.clientWidth ? page.scrollWidth : null"""
NARROW = """return [...document.querySelectorAll('th, td')]
    .filter(cell => cell.checkVisibility())
    .filter(cell => cell.innerText.length > 6 && cell.clientWidth < 60)
    .map(cell => cell.innerText)"""
SIDEWAYS = """return [...document.querySelectorAll('.scroll')]
    .filter(part => innerWidth >= 1400 && part.scrollWidth > part.clientWidth)
    .map(part => part.innerText.slice(0, 99))"""
LOW = """return [...document.querySelectorAll('svg')]
    .map(plot => plot.getBoundingClientRect().height).filter(height => height < 160)"""
TOUCHING = """return [...document.querySelectorAll('svg')].flatMap(plot => {
    const boxes = [...plot.querySelectorAll('text')]
        .map(text => [text.textContent, text.getBoundingClientRect()]);
    return boxes.flatMap(([name, a], i) => boxes.slice(i + 1)
        .filter(([_, b]) => a.left < b.right && b.left < a.right
            && a.top < b.bottom && b.top < a.bottom)
        .map(([other]) => [name, other]))})"""
HIDDEN = """return [...document.querySelectorAll(
        'a, button, input, select, summary, [tabindex="0"]')]
    .filter(control => control.checkVisibility()).filter(control => {
        control.focus({focusVisible: true});
        const box = control.getBoundingClientRect();
        const isSeen = Math.min(box.width, box.height, box.bottom, box.right) > 0;
        const line = getComputedStyle(control).outlineStyle;
        return document.activeElement !== control || !isSeen || line === 'none'
    }).map(control => control.outerHTML)"""
COLOURS = """const style = getComputedStyle(document.body);
    return [style.backgroundColor, style.color]"""


@pytest.fixture(scope="session")
def make_pages(tickets_dir, mixed_dir, load_copy, tmp_path_factory):
    """For each name, a function that makes the page of results with long names."""

    def make_report(folder):
        nlp = load_copy(folder / "model")
        docs = DocBin().from_disk(folder / "dev.spacy").get_docs(nlp.vocab)
        examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
        rows = ["text,label", *(f"{eg.reference.text},money/card" for eg in examples)]
        before = tmp_path_factory.mktemp("before") / "v1.csv"
        before.write_text("\n".join(rows), encoding="utf8")
        options = {"head": 10, "mid": 4, "resamples": 20, "against": before}
        data = deepcopy(build_report(nlp, examples, **options))
        data["mend"][0]["label"] = data["against"]["labels"][0]["label"] = LONG
        data["labels"][0]["label"] = f"money/{LONG}"
        data["tree"][0]["name"] = LONG
        data["confusions"][0]["example"] = LONG.replace(" ", "/")
        near = {"text": LONG, "labels": [f"money/{LONG}"], "similarity": 0.5}
        for part in (data["confusions"], data["mend"], data.get("hardest", ())):
            for row in part:
                row["nearest"] = [near]
        return render_html(data)

    def make_explanation(folder):
        nlp = load_copy(folder / "model")
        found = explain(nlp, "my debit card and a loan")
        page = render_explanation(found)
        return page.replace("debit", LONG).replace("money/", f"{LONG}/")

    def make_audit(folder):
        page = render_audit(audit_corpus(folder / "dev.spacy", n_folds=5))
        return page.replace("garden", LONG)

    return {
        "report": lambda: make_report(tickets_dir),
        "report of several": lambda: make_report(mixed_dir),
        "explain": lambda: make_explanation(tickets_dir),
        "explain several": lambda: make_explanation(mixed_dir),
        "audit": lambda: make_audit(tickets_dir),
    }


PAGES = ["report", "report of several", "explain", "explain several", "audit"]


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_read_at_every_width_in_light_and_dark(
    name, make_pages, browser, tmp_path
):
    path = tmp_path / "page.html"
    path.write_text(make_pages[name](), encoding="utf8")
    papers = []
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        for width in (390, 800, 1400):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1}
            size["mobile"] = False
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.get(path.as_uri())
            browser.execute_script(OPEN)
            assert browser.execute_script(WIDER) is None, width
            for script in (NARROW, SIDEWAYS, LOW, TOUCHING, HIDDEN):
                assert browser.execute_script(script) == [], (width, scheme)
        paper, ink = browser.execute_script(COLOURS)
        papers.append((paper, ink))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    (light, dark_ink), (dark, light_ink) = papers
    assert light != dark and dark_ink != light_ink
