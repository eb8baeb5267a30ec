import hashlib

import pytest
import spacy

from spacy_longtail.tuning.command import tune_pipeline
from spacy_longtail.tuning.settings import Wish, read_settings

NAME = "longtail_textcat"


def get_hashes(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_new_pipeline_has_the_settings_and_the_old_one_stays(tickets_dir, tmp_path):
    before = get_hashes(tickets_dir)
    result = tune_pipeline(
        str(tickets_dir / "model"),
        tickets_dir / "dev.spacy",
        tmp_path / "tuned",
        Wish("calibration", precision=0.9),
        resamples=10,
    )
    assert get_hashes(tickets_dir) == before
    nlp = spacy.load(tmp_path / "tuned")
    assert read_settings(nlp, NAME) == result.after
    assert nlp.config["components"][NAME]["temperature"] == result.after.temperature


def test_output_is_checked_before_any_work(tickets_dir, tmp_path):
    with pytest.raises(ValueError, match=r"\[L604\]"):
        tune_pipeline(str(tickets_dir / "model"), tmp_path / "nothing", tmp_path)
    with pytest.raises(ValueError, match=r"\[L603\]"):
        tune_pipeline(
            str(tickets_dir / "model"), tmp_path, tickets_dir / "model", force=True
        )
