from io import StringIO

import spacy

from spacy_longtail.cli.train_log import make_console_logger


def test_rows_have_full_names_and_dashes_for_nothing():
    nlp = spacy.blank("xx")
    nlp.add_pipe("longtail_textcat")
    out = StringIO()
    log, finish = make_console_logger()(nlp, out, out)
    scores = {"longtail_macro_f": 0.5, "longtail_head_f": 1.0, "longtail_mid_f": 0.0}
    info = {"epoch": 1, "step": 20, "losses": {"longtail_textcat": 2.0}, "score": 0.5}
    log({**info, "other_scores": scores})
    log(None)
    finish()
    names, line, row = (text.split() for text in out.getvalue().splitlines())
    found = dict(zip(names, row))
    assert len(names) == len(line) == len(row)
    assert (found["E"], found["#"], found["loss"]) == ("1", "20", "2.00")
    assert (found["macro_f"], found["head_f"], found["mid_f"]) == (
        *("50.00", "100.00", "0.00"),
    )
    assert found["tail_f"] == found["accuracy"] == "–"
    assert found["score"] == "0.500"
