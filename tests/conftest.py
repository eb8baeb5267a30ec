import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
# Markers of tests that only run if the option of the same name is given.
OPTIONAL_MARKERS = {"slow": "take longer than 5 seconds", "gpu": "need a GPU"}


def pytest_addoption(parser):
    for marker, reason in OPTIONAL_MARKERS.items():
        parser.addoption(
            f"--{marker}", action="store_true", help=f"also run tests that {reason}"
        )


def pytest_runtest_setup(item):
    for marker in OPTIONAL_MARKERS:
        if item.get_closest_marker(marker) and not item.config.getoption(marker):
            pytest.skip(f"runs only with --{marker}")


@pytest.fixture(scope="session")
def data_dir():
    """The folder of the real data sets, which aren't part of the project."""
    path = Path(os.environ.get("LONGTAIL_DATA") or REPOSITORY / "data").resolve()
    if not path.is_dir():
        pytest.skip(f"there are no data sets at {path}, set LONGTAIL_DATA")
    return path
