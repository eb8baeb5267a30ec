import pytest
import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

# With min_count = 3, "bank/fee" and "bank/loan" are pooled below "bank". The Other of
# "travel" would pool one label only, so "travel/visa" is a class of its own.
TRAIN_DATA = [
    ("I lost my card", "bank/card"),
    ("my debit card was stolen", "bank/card"),
    ("the machine kept my card", "bank/card"),
    ("please block this card at once", "bank/card"),
    ("what does an account cost", "bank/fee"),
    ("I want to borrow ten thousand", "bank/loan"),
    ("lend me money for a house", "bank/loan"),
    ("send money to my mother", "bank/transfer"),
    ("wire the rent to my landlord", "bank/transfer"),
    ("transfer it to the other account", "bank/transfer"),
    ("book a flight to Rome", "travel/flight"),
    ("when does the plane leave", "travel/flight"),
    ("I need a seat on the plane", "travel/flight"),
    ("a room for two nights", "travel/hotel"),
    ("is breakfast included in the room", "travel/hotel"),
    ("find me a hotel by the sea", "travel/hotel"),
    ("which papers do I need to enter China", "travel/visa"),
]


@pytest.fixture
def train_data():
    """Pairs of a text and its label: 7 labels, 2 of them pooled at min_count = 3."""
    return list(TRAIN_DATA)


@pytest.fixture(scope="session")
def make_nlp():
    """Make a pipeline of one component, not initialized."""

    def make(name="longtail_textcat", **config):
        nlp = spacy.blank("en")
        nlp.add_pipe("longtail_textcat", name=name, config=config)
        return nlp

    return make


@pytest.fixture(scope="session")
def make_examples():
    """Make examples from pairs of a text and a label, cats or None."""

    def make(nlp, data=None):
        examples = []
        for text, gold in TRAIN_DATA if data is None else data:
            cats = {gold: 1.0} if isinstance(gold, str) else gold
            annotations = {} if cats is None else {"cats": cats}
            examples.append(Example.from_dict(nlp.make_doc(text), annotations))
        return examples

    return make


@pytest.fixture(scope="session")
def train(make_examples):
    """Initialize a pipeline and update it; returns the last loss of each pipe."""

    def train(nlp, data=None, *, n_updates=20, drop=0.0, seed=0):
        fix_random_seed(seed)
        examples = make_examples(nlp, data)
        optimizer = nlp.initialize(lambda: examples)
        losses = {}
        for _ in range(n_updates):
            losses = nlp.update(examples, sgd=optimizer, drop=drop)
        return losses

    return train


@pytest.fixture(scope="session")
def trained(make_nlp, train):
    """A trained pipeline for tests that don't change it."""
    nlp = make_nlp()
    # A little, so that probabilities aren't all 0.0 or 1.0.
    train(nlp, n_updates=2)
    return nlp


@pytest.fixture(scope="session")
def make_pair():
    """Make a pipeline of both stages, not initialized."""

    def make(*, min_count=3, first=None, **config):
        nlp = spacy.blank("en")
        first = {"min_count": min_count, **(first or {})}
        nlp.add_pipe("longtail_textcat", config=first)
        nlp.add_pipe("zero_shot_fallback", config={"route_threshold": 0.05, **config})
        return nlp

    return make


@pytest.fixture
def pair(make_pair, train):
    """A trained pipeline of both stages, that tests can change."""
    nlp = make_pair()
    train(nlp, n_updates=2)
    return nlp
