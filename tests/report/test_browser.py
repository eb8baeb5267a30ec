"""The report in a real browser. How it is laid out is tested in test_pages.py."""

from copy import deepcopy

import pytest

from spacy_longtail.report import render_html
from spacy_longtail.report.sections import get_tree
from spacy_longtail.taxonomy import build_taxonomy

# What the page says is tested without one, in test_html.py.
pytestmark = pytest.mark.slow


@pytest.fixture
def data(reports):
    return deepcopy(reports["exclusive"])


@pytest.fixture
def mixed_data(reports):
    return deepcopy(reports["multilabel"])


@pytest.fixture
def show(browser, tmp_path):
    """Open a report, in a colour scheme."""

    def show(data, scheme="light"):
        path = tmp_path / "report.html"
        path.write_text(render_html(data), encoding="utf8")
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": v} for name, v in features.items()]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(path.as_uri())
        return browser

    return show


def press(browser, key):
    from selenium.webdriver.common.keys import Keys

    browser.switch_to.active_element.send_keys(getattr(Keys, key))
    return browser.switch_to.active_element


def get_column(browser, number):
    script = """return [...document.querySelectorAll('#table tbody tr')]
        .filter(row => !row.hidden).map(row => row.cells[arguments[0]].innerText)"""
    return browser.execute_script(script, number)


def test_page_opens_without_errors_and_without_the_network(show, data):
    browser = show(data)
    assert browser.get_log("browser") == []
    script = "return performance.getEntriesByType('resource').length"
    assert browser.execute_script(script) == 0


def test_light_and_dark(show, data):
    seen = []
    for scheme in ("light", "dark"):
        browser = show(data, scheme)
        script = """const style = getComputedStyle(document.body);
            const text = document.querySelector('svg text');
            return [style.backgroundColor, style.color, getComputedStyle(text).fill]"""
        seen.append(browser.execute_script(script))
    (paper, ink, plot), (dark_paper, dark_ink, dark_plot) = seen
    assert sum(map(int, paper[4:-1].split(","))) > 700
    assert sum(map(int, dark_paper[4:-1].split(","))) < 100
    assert (ink, dark_ink) == (plot, dark_plot)


def test_table_is_sorted_by_keyboard(show, data):
    browser = show(data)
    script = "document.querySelectorAll('#table thead button')[arguments[0]].focus()"
    browser.execute_script(script, 2)
    for order in ("descending", "ascending"):
        button = press(browser, "ENTER")
        head = button.find_element("xpath", "..")
        assert head.get_attribute("aria-sort") == order
        counts = [int(text) for text in get_column(browser, 2)]
        assert counts == sorted(counts, reverse=order == "descending")
    button = press(browser, "TAB")
    assert button.text.startswith("Support")


def test_labels_without_a_figure_stay_at_the_end(show, data):
    data["labels"][3].update(f=None, support=0)
    browser = show(data)
    for _ in range(2):
        browser.find_elements("css selector", "#table thead button")[6].click()
        assert get_column(browser, 6)[-1] == "–"


def test_search_and_group(show, data):
    browser = show(data)
    search = browser.find_element("id", "search")
    search.send_keys("HOTEL")
    assert len(get_column(browser, 0)) == 1
    assert browser.find_element("id", "shown").text == "1 label"
    search.clear()
    search.send_keys("money")
    assert len(get_column(browser, 0)) == 4
    browser.find_element("id", "group").send_keys("mid")
    assert set(get_column(browser, 1)) == {"mid"}


def test_tree_opens_by_keyboard(show, data):
    browser = show(data)
    browser.find_element("id", "close").click()
    browser.execute_script("document.querySelector('.tree summary').focus()")
    script = "return document.querySelectorAll('.tree details[open]').length"
    assert browser.execute_script(script) == 0
    press(browser, "ENTER")
    assert browser.execute_script(script) == 1
    browser.find_element("id", "open").click()
    assert browser.execute_script(script) == len(data["tree"])


def test_first_tab_stop_skips_to_the_figures(show, data):
    browser = show(data)
    browser.execute_script("document.activeElement.blur()")
    body = browser.find_element("tag name", "body")
    body.send_keys("\ue004")
    assert browser.switch_to.active_element.get_attribute("class") == "skip"
    press(browser, "ENTER")
    assert browser.current_url.endswith("#main")


def test_evil_labels_do_nothing(show, data):
    evil = "<img src=x onerror=\"document.title='evil'\">"
    data["labels"][0]["label"] = data["tree"][0]["name"] = evil
    data["hardest"][0].update(text=evil, gold=evil)
    browser = show(data)
    assert "evil" not in browser.title
    assert browser.find_elements("tag name", "img") == []


def test_thousand_labels_are_one_small_page_that_can_be_searched(show, data):
    counts = {
        f"{a}/{a}{b}/{a}{b}{c}": 1 + (a * b + c) % 90
        for a in range(11)
        for b in range(10)
        for c in range(10)
    }
    names = {label: f"Some Longer Name of a Category {label}" for label in counts}
    tree = build_taxonomy({names[label]: count for label, count in counts.items()})
    row = data["labels"][0]
    data["labels"] = [
        {**row, "label": label, "count": count, "f": count / 100}
        for label, count in zip(tree.leaves, tree.counts)
    ]
    data["tree"] = get_tree(tree, data["labels"])
    # How fast it opens depends on the machine, what it has to read doesn't.
    assert len(render_html(data)) < 3e6
    browser = show(data)
    browser.find_element("id", "search").send_keys("category 5/57/")
    assert len(get_column(browser, 0)) == 10


def test_page_of_several_labels(show, mixed_data):
    browser = show(mixed_data)
    assert browser.get_log("browser") == []
    browser.find_elements("css selector", "#table thead button")[4].click()
    thresholds = list(map(float, get_column(browser, 4)))
    assert thresholds == sorted(thresholds, reverse=True)
    browser.find_element("id", "search").send_keys("hotel")
    assert len(get_column(browser, 0)) == 1
