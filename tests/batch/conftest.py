import pytest
import spacy

pytest.importorskip("pyarrow")

TEXTS = [
    "I lost my card",
    "lend me money for a house",
    "",
    "book a flight to Rome and a room",
    "which papers do I need to enter China",
    "xyzzy",
    "what does an account cost",
    "a room for two nights by the sea",
    "gold",
]
# Documents that a fallback has nothing to do with, and that its ranker is asked about.
GOOD = [text for text in TEXTS if text]


@pytest.fixture(scope="session", params=["exclusive", "multilabel"])
def pipeline(request, pytestconfig):
    """The folder of a pipeline of both stages, of either kind of labels."""
    return pytestconfig.rootpath / "tests/data/pipelines" / f"{request.param}-2"


@pytest.fixture
def nlp(pipeline):
    """A pipeline that a test can change. It asks its ranker about some documents."""
    nlp = spacy.load(pipeline)
    nlp.get_pipe("zero_shot_fallback").remove_label("bank/gold")
    return nlp
