"""The page of monitor, and how it looks in a real browser."""

import shutil

import pytest

from spacy_longtail.monitor.drift import Drift, Shift, render_drift
from spacy_longtail.monitor.words import Topic

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
LONG = "home/" + "verylongword" * 12


def make_drift(**more):
    gone = Shift("bank/card", 90, 0, 0.09, 0.0, -0.11, -0.07, 0.001, "gone")
    quiet = Shift(LONG, 40, 44, 0.04, 0.044, -0.01, 0.02, 0.9)
    measures = [Shift("no label", 0, 0, 0.0, 0.0, -0.004, 0.004, 1.0)]
    topic = Topic(("solar", LONG), 40, 0.04, 0.0, "home/garden", "solar " * 60)
    found = {
        "pipeline": "en_pipeline", "reference": "may.csv", "period": "june.csv",
        "n_before": 1000, "n_now": 1000, "n_failed": (0, 3), "value": 0.093,
        "low": 0.08, "high": 0.11, "distance": 0.1, "noise": 0.007, "p_value": 0.001,
        "known": (0.6, 0.55), "labels": [gone, quiet], "measures": measures,
        "topics": [topic], "fail_above": 0.05,
    }  # fmt: skip
    return Drift(**{**found, **more})


def test_page_says_what_the_terminal_says():
    drift = make_drift()
    page = render_drift(drift)
    for text in (drift.verdict, "bank/card", "gone", "9.0%", "solar", "3 texts"):
        assert text in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    quiet = render_drift(make_drift(labels=[], topics=[], has_texts=False))
    assert "No share has changed" in quiet
    assert "no words were compared" in quiet


def test_limit_needs_more_than_chance():
    assert make_drift().has_drifted
    assert not make_drift(p_value=0.2).has_drifted
    assert not make_drift(fail_above=0.2).has_drifted
    assert not make_drift(fail_above=None).has_drifted
    assert "which is exceeded" in make_drift().verdict


def test_evil_labels_do_nothing():
    evil = "<img src=x onerror=alert(1)>"
    shift = Shift(evil, 1, 2, 0.1, 0.2, -0.1, 0.3, 0.5, "more")
    topic = Topic((evil,), 4, 0.4, 0.0, evil, evil)
    page = render_drift(make_drift(labels=[shift], topics=[topic], reference=evil))
    assert "<img" not in page


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_in_a_browser(tmp_path, scheme):
    webdriver = pytest.importorskip("selenium.webdriver")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs chromium and chromedriver: apt install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    path = tmp_path / "drift.html"
    path.write_text(render_drift(make_drift()), encoding="utf8")
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        check_page(driver, path.as_uri(), scheme)
    finally:
        driver.quit()


def check_page(driver, address, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    for width in (390, 800, 1400):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1}
        metrics["mobile"] = False
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get(address)
        script = """const page = document.documentElement;
            return [innerWidth, page.scrollWidth - page.clientWidth]"""
        assert driver.execute_script(script) == [width, 0]
        script = """return [...document.querySelectorAll('.numbers')]
            .map(one => one.getBoundingClientRect().width)"""
        assert min(driver.execute_script(script)) > 180
    assert driver.get_log("browser") == []
    script = "return getComputedStyle(document.body).backgroundColor"
    paper = driver.execute_script(script)
    assert (sum(map(int, paper[4:-1].split(","))) > 400) == (scheme == "light")
    driver.find_element("tag name", "body").send_keys("\ue004")
    assert driver.switch_to.active_element.get_attribute("class") == "skip"
