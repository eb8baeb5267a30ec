import json
import pickle

import pytest
import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_longtail.pipeline.factories import KINDS

# With min_count = 3, "bank/fee" and "bank/loan" are pooled below "bank". The Other of
# "travel" would pool one label only, so "travel/visa" is a class of its own.
EXCLUSIVE_DATA = [
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
MULTILABEL_DATA = [
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


class Kind:
    """A kind of labels, with documents to train its pipelines on.

    name (str): What the package calls it.
    data (List[Tuple[str, Any]]): Pairs of a text and its label, or labels.
    n_updates (int): How often the pipelines that tests load have learned from all of
        it: a little, so that probabilities aren't all 0.0 or 1.0.
    """

    def __init__(self, name, data, *, n_updates):
        self.name, self.data, self.n_updates = name, data, n_updates
        self.factory = KINDS[name].factory
        golds = [[gold] if isinstance(gold, str) else gold for _, gold in data]
        self.labels = tuple(sorted(set(sum(golds, []))))
        self._trained = {}

    def make_nlp(self, name=None, **config):
        """Make a pipeline of one component, not initialized."""
        # The tokenizer of English has 1,300 exceptions, which take 70 ms.
        nlp = spacy.blank("xx")
        nlp.tokenizer.rules = {}
        nlp.add_pipe(self.factory, name=name, config=config)
        return nlp

    def make_pair(self, *, min_count=3, first=None, **config):
        """Make a pipeline of both stages, not initialized."""
        nlp = self.make_nlp(min_count=min_count, **(first or {}))
        config = {"source": self.factory, "route_threshold": 0.05, **config}
        nlp.add_pipe("zero_shot_fallback", config=config)
        return nlp

    def make_examples(self, nlp, data=None):
        """Make examples from pairs of a text and a label, several, cats or None. That
        there are no labels is said with zeros.
        """
        examples = []
        for text, gold in self.data if data is None else data:
            labels = [gold] if isinstance(gold, str) else gold
            if isinstance(labels, list):
                cats = dict.fromkeys(labels or self.labels, 1.0 if labels else 0.0)
            else:
                cats = labels
            annotations = {} if cats is None else {"cats": cats}
            examples.append(Example.from_dict(nlp.make_doc(text), annotations))
        return examples

    def train(self, nlp, data=None, *, n_updates=20, drop=0.0, seed=0):
        """Initialize a pipeline and update it; returns the last loss of each pipe."""
        fix_random_seed(seed)
        examples = self.make_examples(nlp, data)
        optimizer = nlp.initialize(lambda: examples)
        losses = {}
        for _ in range(n_updates):
            losses = nlp.update(examples, sgd=optimizer, drop=drop)
        return losses

    def load_nlp(self, **config):
        """Load a trained pipeline of one component, that a test can change."""
        return self._load(self.make_nlp, config)

    def load_pair(self, **config):
        """Load a trained pipeline of both stages, that a test can change."""
        return self._load(self.make_pair, config)

    def _load(self, make, config):
        key = (make.__name__, json.dumps(config, sort_keys=True))
        if key not in self._trained:
            nlp = make(**config)
            self.train(nlp, n_updates=self.n_updates)
            # Loads three times as fast as it trains, and as from_config() loads.
            self._trained[key] = pickle.dumps(nlp)
        return pickle.loads(self._trained[key])


@pytest.fixture(scope="session")
def exclusive():
    return Kind("exclusive", EXCLUSIVE_DATA, n_updates=2)


@pytest.fixture(scope="session")
def multilabel():
    return Kind("multilabel", MULTILABEL_DATA, n_updates=5)


@pytest.fixture(scope="session", params=list(KINDS))
def kind(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def shared_nlp(kind):
    """A trained pipeline of one component of either kind, not to be changed."""
    return kind.load_nlp()


# Of labels that exclude each other:


@pytest.fixture
def train_data():
    """Pairs of a text and its label: 7 labels, 2 of them pooled at min_count = 3."""
    return list(EXCLUSIVE_DATA)


@pytest.fixture(scope="session")
def make_nlp(exclusive):
    return exclusive.make_nlp


@pytest.fixture(scope="session")
def make_pair(exclusive):
    return exclusive.make_pair


@pytest.fixture(scope="session")
def make_examples(exclusive):
    return exclusive.make_examples


@pytest.fixture(scope="session")
def train(exclusive):
    return exclusive.train


@pytest.fixture(scope="session")
def trained(exclusive):
    """A trained pipeline of one component for tests that don't change it."""
    return exclusive.load_nlp()


@pytest.fixture
def pair(exclusive):
    """A trained pipeline of both stages, that tests can change."""
    return exclusive.load_pair()


@pytest.fixture(scope="session")
def run_first():
    """Predict without the fallback."""

    def run(nlp, texts):
        with nlp.select_pipes(disable=["zero_shot_fallback"]):
            return list(nlp.pipe(texts))

    return run
