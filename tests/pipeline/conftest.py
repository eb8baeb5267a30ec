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

# The same for several labels per document. With min_count = 3, "bank/fee" and
# "bank/loan" are pooled below "bank", "travel/train" and "travel/visa" below "travel".
SEVERAL_DATA = [
    ("I lost my card", ["bank/card"]),
    ("my debit card was stolen in the hotel", ["bank/card", "travel/hotel"]),
    ("the machine on the plane kept my card", ["bank/card", "travel/flight"]),
    ("please block this card at once", ["bank/card"]),
    ("what does an account cost", ["bank/fee"]),
    ("your charges are too high", ["bank/fee"]),
    ("lend me money for a house and a flight", ["bank/loan", "travel/flight"]),
    ("I want to borrow to travel to China", ["bank/loan", "travel/visa"]),
    ("book a flight to Rome and a room", ["travel/flight", "travel/hotel"]),
    ("when does the plane leave", ["travel/flight"]),
    ("is breakfast included in the room", ["travel/hotel"]),
    ("find me a hotel by the sea", ["travel/hotel"]),
    ("which papers do I need to enter China", ["travel/visa"]),
    ("a train to Paris", ["travel/train"]),
    ("thank you and good bye", []),
]
SEVERAL_LABELS = (
    *("bank/card", "bank/fee", "bank/loan"),
    *("travel/flight", "travel/hotel", "travel/train", "travel/visa"),
)


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


@pytest.fixture(scope="session")
def make_several():
    """Make cats of several labels, dense zeros if there are none."""

    def make(labels):
        return dict.fromkeys(labels, 1.0) or dict.fromkeys(SEVERAL_LABELS, 0.0)

    return make


@pytest.fixture(scope="session")
def make_several_examples(make_examples, make_several):
    """Make examples from pairs of a text and a list of labels, cats or None."""

    def make(nlp, data=None):
        pairs = SEVERAL_DATA if data is None else data
        return make_examples(
            nlp,
            [
                (text, make_several(gold) if isinstance(gold, list) else gold)
                for text, gold in pairs
            ],
        )

    return make


@pytest.fixture(scope="session")
def make_several_pair():
    """Make a pipeline of both stages for several labels, not initialized."""

    def make(*, min_count=3, first=None, **config):
        nlp = spacy.blank("en")
        name = "longtail_textcat_multilabel"
        nlp.add_pipe(name, config={"min_count": min_count, **(first or {})})
        settings = {"source": name, "route_threshold": 0.05, **config}
        nlp.add_pipe("zero_shot_fallback", config=settings)
        return nlp

    return make


@pytest.fixture(scope="session")
def train_several(make_several_examples):
    """Initialize a pipeline for several labels and update it."""

    def train(nlp, data=None, n_updates=5):
        fix_random_seed(0)
        examples = make_several_examples(nlp, data)
        optimizer = nlp.initialize(lambda: examples)
        for _ in range(n_updates):
            nlp.update(examples, sgd=optimizer)

    return train


@pytest.fixture
def several(make_several_pair, train_several):
    """A trained pipeline of both stages for several labels, that tests can change."""
    nlp = make_several_pair()
    train_several(nlp)
    return nlp
