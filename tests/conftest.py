import os
import pickle
import random
import shutil
import signal
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus, Example
from thinc.api import fix_random_seed

REPOSITORY = Path(__file__).resolve().parents[1]
# Markers of tests that only run if the option of the same name is given.
OPTIONAL_MARKERS = {"slow": "take longer than 1.5 seconds", "gpu": "need a GPU"}

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a shell's background: what tests start and interrupt would ignore it, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


# The words of each label, and how many training documents it has.
TICKETS = {
    "money/card": ("card debit pin chip", 24),
    "money/loan": ("loan mortgage borrow rate", 9),
    "money/fee": ("fee charge cost price", 2),
    "money/tax": ("tax form revenue refund", 2),
    "travel/flight": ("flight plane airport seat", 16),
    "travel/hotel": ("hotel room breakfast night", 8),
    "travel/visa": ("visa passport embassy border", 3),
    "home/garden": ("garden tree grass flower", 12),
    "home/kitchen": ("kitchen oven fridge sink", 4),
}


def make_tickets(seed, n_docs=None):
    """Make pairs of a text and its label. Some words are those of another label."""
    rng = random.Random(seed)
    words = {label: text.split() for label, (text, _) in TICKETS.items()}
    everything = sum(words.values(), [])
    tickets = []
    for label, (_, count) in TICKETS.items():
        for _ in range(n_docs or count):
            own = rng.sample(words[label], 2)
            other = rng.sample(everything, rng.choice([1, 2, 4]))
            tickets.append((" ".join(["my", *own, "and", *other]), label))
    return tickets


def make_cats(labels):
    """Say that there are no other labels."""
    return dict.fromkeys(labels or TICKETS, 1.0 if labels else 0.0)


def fill_folder(folder, factory, train_data, dev_data):
    """Train the pipeline "model" on pairs of a text and cats, write "dev.spacy"."""
    nlp = spacy.blank("xx")
    # Without emoticons, which take most of the time to load a tokenizer.
    nlp.tokenizer.rules = {}
    nlp.add_pipe(factory)
    fix_random_seed(0)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": cats})
        for text, cats in train_data
    ]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(8):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(folder / "model")
    docs = DocBin()
    for text, cats in dev_data:
        doc = nlp.make_doc(text)
        doc.cats = cats
        docs.add(doc)
    docs.to_disk(folder / "dev.spacy")
    return folder


@pytest.fixture(scope="session")
def load_copy():
    """Load a pipeline, from disk only the first time: it's pickled for the others."""
    loaded = {}

    def load(path):
        if path not in loaded:
            loaded[path] = pickle.dumps(spacy.load(path))
        return pickle.loads(loaded[path])

    return load


@pytest.fixture(scope="session")
def tickets_dir(tmp_path_factory):
    """A folder with the pipeline "model", and "dev.spacy" of 15 documents a label."""
    pairs = [
        [(text, {label: 1.0}) for text, label in tickets]
        for tickets in (make_tickets(0), make_tickets(1, 15))
    ]
    folder = tmp_path_factory.mktemp("tickets")
    return fill_folder(folder, "longtail_textcat", *pairs)


@pytest.fixture
def tickets_nlp(tickets_dir, load_copy):
    """A pipeline of its own for each test."""
    return load_copy(tickets_dir / "model")


@pytest.fixture
def tickets_dev(tickets_dir, tickets_nlp):
    """Fresh examples with gold labels, of documents that weren't trained on."""
    return list(Corpus(tickets_dir / "dev.spacy")(tickets_nlp))


def make_mixed(seed, n_docs=None):
    """Make pairs of a text and its labels: tickets, half of which have the words and
    the label of a second one, and some small talk without a label.
    """
    rng = random.Random(seed)
    frequent = [label for label, (_, count) in TICKETS.items() if count >= 8]
    mixed = [
        (f"thanks and good {word}", []) for word in ("bye", "day", "luck", "night")
    ]
    for text, label in make_tickets(seed, n_docs):
        second = rng.choice(frequent)
        if second == label or rng.random() < 0.5:
            mixed.append((text, [label]))
        else:
            more = rng.sample(TICKETS[second][0].split(), 2)
            mixed.append((" ".join([text, "also", *more]), [label, second]))
    return mixed


@pytest.fixture(scope="session")
def mixed_dir(tmp_path_factory):
    """Like tickets_dir, with any number of labels per document."""
    pairs = [
        [(text, make_cats(labels)) for text, labels in mixed]
        for mixed in (make_mixed(0), make_mixed(1, 15))
    ]
    folder = tmp_path_factory.mktemp("mixed")
    return fill_folder(folder, "longtail_textcat_multilabel", *pairs)


@pytest.fixture
def mixed_nlp(mixed_dir, load_copy):
    """A pipeline of its own for each test."""
    return load_copy(mixed_dir / "model")


@pytest.fixture
def mixed_dev(mixed_dir, mixed_nlp):
    """Fresh examples with gold labels, of documents that weren't trained on."""
    return list(Corpus(mixed_dir / "dev.spacy")(mixed_nlp))


# For each kind of labels, whose pipeline and documents it has.
KINDS = {"exclusive": "tickets", "multilabel": "mixed"}


@pytest.fixture(params=list(KINDS))
def kind(request):
    """What holds for labels that exclude each other and for several a document."""
    return request.param


@pytest.fixture
def kind_dir(request, kind):
    return request.getfixturevalue(f"{KINDS[kind]}_dir")


@pytest.fixture
def kind_nlp(request, kind):
    return request.getfixturevalue(f"{KINDS[kind]}_nlp")


@pytest.fixture
def kind_dev(request, kind):
    return request.getfixturevalue(f"{KINDS[kind]}_dev")


@pytest.fixture
def kind_seen(kind, kind_nlp):
    """Fresh examples with gold labels, of ten documents that were trained on."""
    make = {"exclusive": make_tickets, "multilabel": make_mixed}[kind]
    pairs = [(text, [g] if isinstance(g, str) else g) for text, g in make(0)]
    return [
        Example.from_dict(kind_nlp.make_doc(text), {"cats": make_cats(labels)})
        for text, labels in pairs
        if labels
    ][:10]


@pytest.fixture
def kept_nlp(kind_nlp, kind_seen):
    """A pipeline of its own for each test, with a fallback that keeps texts."""
    config = {"source": kind_nlp.pipe_names[-1]}
    fallback = kind_nlp.add_pipe("zero_shot_fallback", config=config)
    fallback.initialize(lambda: kind_seen, nlp=kind_nlp)
    return kind_nlp


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """Folder of a BERT with random weights and a vocabulary of letters and words."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, "card", "money"]
    words += [f"##{letter}" for letter in letters]
    folder = tmp_path_factory.mktemp("tiny_bert")
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    tokenizer = transformers.BertTokenizerFast(
        str(folder / "vocab.txt"), model_max_length=32
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def encode_alone(tiny_bert):
    """Mean of the word pieces of a text, by the transformers library alone."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    model = AutoModel.from_pretrained(tiny_bert).eval()

    def encode(text, window=32):
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        states = []
        for start in range(0, len(ids), window - 2):
            part = [2, *ids[start : start + window - 2], 3]
            with torch.no_grad():
                states.append(model(torch.tensor([part])).last_hidden_state[0])
        mean = torch.cat(states).mean(dim=0)
        return (mean / mean.norm()).numpy()

    return encode


@pytest.fixture(scope="session")
def browser():
    """Debian's chromium with its own driver, for pages."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver: apt install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu"]
    arguments += ["--disable-dev-shm-usage", "--disable-background-networking"]
    for argument in [*arguments, "--window-size=1200,900"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield opened
    opened.quit()
