import pytest
import spacy
from spacy.training import Corpus


@pytest.fixture(params=["exclusive", "multilabel"])
def kind(request):
    return request.param


@pytest.fixture
def get_pipeline(tickets_dir, mixed_dir):
    """Load a trained pipeline, and fresh examples with gold labels."""
    folders = {"exclusive": tickets_dir, "multilabel": mixed_dir}

    def load(kind):
        nlp = spacy.load(folders[kind] / "model")
        return nlp, list(Corpus(folders[kind] / "dev.spacy")(nlp))

    return load
