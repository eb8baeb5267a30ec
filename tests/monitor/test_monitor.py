import html
import json

import pytest

from spacy_longtail.monitor.drift import render_drift
from spacy_longtail.monitor.monitor import MEASURES


def test_nothing_has_changed(compare, write_answers, draw):
    reference = write_answers("old", draw(2000))
    found = compare(reference, write_answers("new", draw(1000, 1)), fail_above=0.03)
    assert found.alarms == []
    assert (found.has_drifted, found.topics) == (False, [])
    assert found.value < 0.02 < found.noise
    assert found.p_value > 0.05
    assert (found.n_before, found.n_now) == (2000, 1000)
    assert "No alarm." in [remark.text for remark in found.remarks()]


def test_labels_of_different_pipelines_are_no_drift(compare, write_answers, draw):
    """What an update has changed isn't taken for what the texts have."""
    first, second = (
        write_answers(name, draw(100), model_version=name, has_texts=True)
        for name in ("en_week-1.0+a", "en_week-1.0+b")
    )
    found = compare(first, second)
    warning = next(r.text for r in found.remarks() if "different pipelines" in r.text)
    assert "en_week-1.0+a before and en_week-1.0+b now" in warning
    assert warning in html.unescape(render_drift(found))
    assert compare(first, first).mixture == ""
    # The pipeline itself is none of them.
    plain = first.with_suffix(".csv")
    plain.write_text("text\nmy visa\n", encoding="utf8")
    assert compare(first, plain).mixture and not compare(plain, plain).mixture
    # Tables of before versions were written.
    assert compare(write_answers("old", draw(100)), plain).mixture == ""


def test_label_that_doubles_one_that_goes_and_one_that_comes(
    compare, write_answers, draw
):
    reference = write_answers("old", draw(2000))
    labels = draw(2000, 1, bank_1=2.0, home_2=0.0, home_9=1.0)
    found = compare(reference, write_answers("new", labels), fail_above=0.05)
    alarms = {s.name: s.alarm for s in found.alarms if "/" in s.name}
    assert alarms == {"bank/1": "more", "home/2": "gone", "home/9": "new"}
    # The largest change first.
    changes = [abs(shift.change) for shift in found.alarms]
    assert changes == sorted(changes, reverse=True)
    for shift in found.alarms:
        assert shift.low <= shift.change <= shift.high
        assert not shift.low <= 0.0 <= shift.high
    assert found.has_drifted
    assert found.low < found.value < found.high
    gone = next(shift for shift in found.alarms if shift.alarm == "gone")
    assert gone.n_now == 0 < gone.n_before


def test_category_changes_where_no_label_of_it_does(compare, write_answers, draw):
    reference = write_answers("old", draw(2000))
    labels = draw(2000, 1, **{f"bank_{i}": 1.3 for i in range(4)})
    found = compare(reference, write_answers("new", labels), least_change=0.1)
    assert [shift.name for shift in found.alarms][:1] == ["bank"]


def test_measures(compare, write_answers, draw):
    reference = write_answers("old", draw(2000))
    quiet = compare(reference, write_answers("new", draw(1000, 1)))
    assert [shift.name for shift in quiet.measures] == list(MEASURES)
    abstained = write_answers("none", [*draw(900, 1), *[None] * 100])
    found = compare(reference, abstained)
    assert ("no label", "new") in [(s.name, s.alarm) for s in found.alarms]
    unknown = write_answers("odd", draw(1000, 1), known=0.05)
    found = compare(reference, unknown)
    assert [(s.name, s.alarm) for s in found.alarms] == [("hardly known", "more")]
    assert found.known[1] == pytest.approx(0.05)


def test_small_changes_are_no_alarms(compare, write_answers, draw):
    reference = write_answers("old", draw(2000))
    new = write_answers("new", draw(1000, 1, bank_1=3.0))
    assert compare(reference, new).alarms
    assert compare(reference, new, least_change=4.0).alarms == []


def test_new_topic_is_shown(compare, write_answers, draw, tmp_path):
    reference = write_answers("old", draw(400), has_texts=True)
    new = write_answers("new", draw(400, 1), has_texts=True)
    lines = new.read_text(encoding="utf8").splitlines()
    for i in range(0, 40):
        row = json.loads(lines[i])
        lines[i] = json.dumps({**row, "text": f"solar inverter hums {i}"})
    new.write_text("\n".join(lines), encoding="utf8")
    (topic,) = compare(reference, new).topics
    assert set(topic.words) == {"solar", "inverter", "hums"}
    assert (topic.n_docs, topic.before) == (40, 0.0)
    assert "solar inverter" in topic.example


def test_pipeline_has_its_name_and_codes_have_titles(
    compare, write_answers, draw, kind_nlp
):
    pipe = kind_nlp.get_pipe(kind_nlp.pipe_names[-1])
    pipe.cfg["names"][pipe.taxonomy.index["money/card"]] = [["Cards", "and", "chips"]]
    kind_nlp.meta["name"] = "tickets"
    more = {"money_card": 4.0}
    periods = write_answers("a", draw(300)), write_answers("b", draw(300, 1, **more))
    drift = compare(*periods)
    assert drift.pipeline.split()[0] == "xx_tickets"
    assert drift.titles == {"money/card": "Cards and chips"}
    cells = [row[0] for table in drift.tables() for row in table.rows]
    assert "money/card Cards and chips" in cells
    assert 'money/card <span class="soft">Cards and chips</span>' in render_drift(drift)


def test_rows_with_errors_are_counted_apart(compare, write_answers, draw):
    reference = write_answers("old", draw(500))
    new = write_answers("new", draw(500, 1))
    failed = write_answers("bad", draw(3), error="[L706]", known=None, label=None)
    text = new.read_text(encoding="utf8") + failed.read_text(encoding="utf8")
    new.write_text(text, encoding="utf8")
    found = compare(reference, new)
    assert (found.n_failed, found.n_now) == ((0, 3), 500)


def test_results_are_json_values_and_the_same_again(compare, write_answers, draw):
    reference = write_answers("old", draw(500))
    new = write_answers("new", draw(500, 1, bank_1=5.0))
    data = compare(reference, new).to_dict()
    assert json.loads(json.dumps(data)) == json.loads(
        json.dumps(compare(reference, new).to_dict())
    )
    assert data["alarms"][0]["name"] == "bank/1"


def test_errors(compare, write_answers, draw):
    table = write_answers("old", draw(5))
    with pytest.raises(ValueError, match=r"\[L775\].*'fail_above'.*1.5"):
        compare(table, table, fail_above=1.5)
    with pytest.raises(ValueError, match=r"\[L775\].*'rate'"):
        compare(table, table, rate=0.0)
    bad = write_answers("bad", draw(5), known="high")
    with pytest.raises(ValueError, match=r"\[L774\].*'high'.* row 1"):
        compare(table, bad)
    failed = write_answers("none", draw(2), error="[L706]")
    with pytest.raises(ValueError, match=r"\[L773\].*2 couldn't"):
        compare(table, failed)
