import pytest


@pytest.fixture
def nlp(kind):
    """A trained pipeline of both stages, that a test can change."""
    return kind.load_pair()


@pytest.fixture
def fallback(nlp):
    return nlp.get_pipe("zero_shot_fallback")


@pytest.fixture
def first(nlp, kind):
    return nlp.get_pipe(kind.factory)
