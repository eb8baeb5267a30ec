import re

import pytest

from spacy_longtail.explain import explain, render_explanation

TEXT = "card <b>chip</b> & oven"


@pytest.mark.parametrize("method", ["exact", "occlusion"])
def test_page_marks_and_escapes_words(kind_nlp, method):
    pipe = kind_nlp.get_pipe(kind_nlp.pipe_names[-1])
    if method == "occlusion":
        del pipe.model.get_ref("output").attrs["get_linear"]
    found = explain(kind_nlp, TEXT, label="money/card")
    page = render_explanation(found)
    assert found.method == method
    assert ("by leaving out each word" in page) == (method == "occlusion")
    # Whatever words are marked, and with what.
    text = re.sub("<span>[^<]*</span>|</?mark[^>]*>", "", page)
    assert "card &lt;b&gt;chip&lt;/b&gt; &amp; oven" in text
    assert page.count("<h1>money/card</h1>") == 1 and '<mark class="for"' in page
    assert "http" not in page and "src=" not in page


def test_label_that_was_added_at_run_time(kind_nlp, kind_dev):
    config = {"source": kind_nlp.pipe_names[-1]}
    fallback = kind_nlp.add_pipe("zero_shot_fallback", config=config)
    fallback.initialize(lambda: kind_dev, nlp=kind_nlp)
    fallback.add_label("travel/<u>", description="a submarine under water")
    page = render_explanation(explain(kind_nlp, "a submarine under water"))
    assert "travel/&lt;u&gt; was added at run time: it is judged by how close" in page


def test_several_labels_one_of_which_is_pooled(mixed_nlp):
    found = explain(mixed_nlp, TEXT, label=["money/card", "money/tax"])
    page = render_explanation(found)
    assert page.count("<h1>") == 2
    assert page.count("pooled in the Other of") == 1
