"""What people call labels."""

from spacy_longtail.report import build_report, render_html
from spacy_longtail.report.names import find_names, name_label, show_label

LABELS = ["food/milk", "drinks/milk", "food/bread", "D/15/08", "D/15/09"]


def test_labels_that_say_nothing_are_called_by_title_or_path(kind_nlp):
    pipe = kind_nlp.get_pipe(kind_nlp.pipe_names[-1])
    names = find_names(pipe, LABELS, "/")
    assert names == {
        "food/milk": "food › milk",
        "drinks/milk": "drinks › milk",
        "D/15/08": "D/15/08",
        "D/15/09": "D/15/09",
    }
    assert name_label("food/bread", names, "/") == "bread"
    assert name_label("D/15/08", names, "/") == "D/15/08"
    assert show_label("D/15/08", names, "/") == "D/15/08"
    assert show_label("food/milk", names, "/") == "food/milk"
    named = {"D/15/08": "Till manager"}
    assert show_label("D/15/08", named, "/") == "D/15/08 (Till manager)"


def test_titles_stand_on_the_page_and_in_the_terminal(tickets_nlp, tickets_dev):
    """As if all labels were codes."""
    pipe = tickets_nlp.get_pipe(tickets_nlp.pipe_names[-1])
    for label, column in pipe.taxonomy.index.items():
        pipe.cfg["names"][column] = [["Title", "of", label.upper()]]
    coded_report = build_report(tickets_nlp, tickets_dev, resamples=2)
    first = coded_report["mend"][0]["label"]
    title = f"Title of {first.upper()}"
    assert coded_report["about"]["names"][first] == title
    tables = coded_report.tables()
    lines = [line.text for table in tables for line in table.lines]
    assert any(line.startswith(f"Mend first: {title}") for line in lines)
    assert any(line.startswith(f"{first} ({title}): ") for line in lines)
    page = render_html(coded_report)
    assert f"<b>{title}</b>" in page
    # In the tree, too, which shows the categories above.
    assert f"{first.split('/')[1]} {title}" in page
