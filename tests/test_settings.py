from dataclasses import dataclass
from typing import List

import pytest
import srsly

from spacy_longtail.settings import CheckedSettings, is_between, setting


def read_share(name, value):
    if not is_between(value, 0.0, 1.0):
        raise ValueError(f"{name} is {value}")
    return float(value)


@dataclass
class Settings(CheckedSettings):
    share: float = setting(0.5, "A share, from 0.0 to 1.0.", read_share)
    names: List[str] = setting([], "Names.", lambda name, value: list(value))
    fitted: float = setting(0.0, "A share.", read_share, is_configured=False)


@pytest.mark.parametrize(
    "value, expected",
    [(0, True), (1.0, True), (1.01, False), (float("nan"), False), (True, False)],
)
def test_number_in_a_closed_interval(value, expected):
    assert is_between(value, 0.0, 1.0) is expected
    assert not is_between("0.5", 0.0)
    assert not is_between(float("inf"), 0.0)


def test_settings_are_checked_when_made_and_when_set():
    with pytest.raises(ValueError, match="share is 2"):
        Settings(share=2)
    settings = Settings(share=1)
    with pytest.raises(ValueError, match="share is None"):
        settings.share = None
    assert settings.share == 1.0
    assert settings == Settings(share=1.0)


def test_numbers_that_were_json():
    """srsly reads 0.3 as 0.30000000000000004."""
    settings = Settings()
    for value in (0.3, 0.35, 0.7):
        found = srsly.json_loads(srsly.json_dumps(value))
        settings.update({"share": found})
        assert found != value == settings.share
    settings.update({"share": 1 / 3})
    assert settings.share == 1 / 3


def test_setting_that_is_none():
    with pytest.raises(AttributeError, match="no setting 'shares'"):
        Settings().shares = 1.0


def test_changing_what_was_given_changes_no_setting():
    names = ["a"]
    settings = Settings(names=names)
    names.append("b")
    settings.to_dict()["names"].append("c")
    assert settings.names == ["a"]
    assert Settings().names == []


def test_config_has_the_settings_that_are_not_fitted():
    assert Settings.get_config() == {"share": 0.5, "names": []}


def test_update_takes_what_it_knows():
    settings = Settings(share=0.1)
    settings.update({"fitted": 0.2, "unknown": 7})
    assert settings == Settings(share=0.1, fitted=0.2)
    with pytest.raises(ValueError, match="fitted"):
        settings.update({"fitted": 2.0})
