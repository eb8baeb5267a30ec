"""Threads that predict while others predict, or change labels and settings."""

import multiprocessing
import random
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from threading import Event, Thread

import pytest

from spacy_longtail.encoders.static_bag.run_cache import RunCache
from spacy_longtail.evaluation.pipes import run_before
from spacy_longtail.explain import explain

TEXTS = ["lend me some zzqx money", "my cards", "what does it cost", "a cheap room"]
TEXTS += ["papers for zzqx China", "", "block the qqwx machine", "plane and flights"]
N_THREADS, N_ROUNDS = 8, 2
LABEL, EXAMPLES = "bank/gold", ["a bar of gold"]
RANKER = {
    "@misc": "spacy-longtail.CombinedRanker.v1",
    "rankers": {
        name: {"@misc": f"spacy-longtail.{name}Ranker.v1"}
        for name in ("Prototype", "Lexical")
    },
}


def change_nothing(first, fallback, is_changed):
    return


def change_labels(first, fallback, is_changed):
    if is_changed:
        fallback.add_label(LABEL, examples=EXAMPLES)
    elif LABEL in fallback.added_labels:
        fallback.remove_label(LABEL)


def change_prior_and_thresholds(first, fallback, is_changed):
    values = {"prior": 0.3, "thresholds": {"bank": 0.9, "travel": 0.01}}
    before = {"prior": 1.0, "thresholds": {}}
    first.settings.change(**(values if is_changed else before))


def change_settings(first, fallback, is_changed):
    values = {"temperature": 3.0, "cats_top_k": 2}
    before = {"temperature": 1.0, "cats_top_k": None}
    first.settings.change(**(values if is_changed else before))


def change_fallback(first, fallback, is_changed):
    values = {"trust": 0.9, "abstain_threshold": 0.6, "route_threshold": 0.5}
    before = {"trust": 0.2, "abstain_threshold": 0.0, "route_threshold": 0.05}
    fallback.settings.change(**(values if is_changed else before))


def run(nlp, text):
    doc = nlp(text)
    return doc.cats, doc._.longtail


def predict(nlp, found):
    try:
        for number in range(N_ROUNDS):
            texts = TEXTS[number:] + TEXTS[:number]
            docs = [nlp(text) for text in texts[:4]] + list(nlp.pipe(texts[4:]))
            found.extend((doc.text, (doc.cats, doc._.longtail)) for doc in docs)
    except Exception as error:
        found.append(error)


@pytest.fixture
def impatient(monkeypatch):
    """Change the thread all the time, and forget words."""
    monkeypatch.setattr(RunCache, "_max_rows", 3)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


CHANGES = [change_nothing, change_labels]
CHANGES += [
    pytest.param(change, marks=pytest.mark.slow)
    for change in (change_prior_and_thresholds, change_settings, change_fallback)
]


@pytest.mark.parametrize("change", CHANGES)
def test_each_document_gets_the_answer_of_before_or_after(kind, change, impatient):
    nlp = kind.load_pair(ranker=RANKER, gate=RANKER["rankers"]["Prototype"])
    pipes = [pipe for _, pipe in nlp.pipeline]
    pipes[1].add_label("travel/ship")
    answers = {text: [] for text in TEXTS}
    for is_changed in (True, False):
        change(*pipes, is_changed)
        for text in TEXTS:
            answers[text].append(run(nlp, text))
    found = []
    threads = [Thread(target=predict, args=(nlp, found)) for _ in range(N_THREADS)]
    for thread in threads:
        thread.start()
    is_changed = False
    while any(thread.is_alive() for thread in threads):
        is_changed = not is_changed
        change(*pipes, is_changed)
        threads[0].join(0.002)
    assert [error for error in found if isinstance(error, Exception)] == []
    assert len(found) == N_THREADS * N_ROUNDS * len(TEXTS)
    assert [text for text, answer in found if answer not in answers[text]] == []


def test_explaining_changes_nothing_for_others(kind, impatient):
    nlp = kind.load_pair()
    nlp.get_pipe(kind.factory).cats_top_k = 2
    answers = {text: run(nlp, text) for text in TEXTS}
    found = []
    thread = Thread(target=predict, args=(nlp, found))
    thread.start()
    while thread.is_alive():
        explain(nlp, TEXTS[0])
        run_before(nlp, "zero_shot_fallback", [nlp.make_doc(TEXTS[1])])
    assert len(found) == N_ROUNDS * len(TEXTS)
    assert all(answer == answers[text] for text, answer in found)


def test_new_prior_and_its_lost_thresholds_are_one_change(multilabel, impatient):
    nlp = multilabel.load_nlp()
    pipe = nlp.get_pipe(multilabel.factory)
    seen, is_over = set(), Event()

    def watch():
        while not is_over.is_set():
            settings = pipe.kind.freeze().settings
            seen.add((settings.prior, bool(settings.thresholds)))

    thread = Thread(target=watch)
    pipe.settings.change(prior=0.3, thresholds={"bank": 0.9})
    thread.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(100):
            pipe.prior = 1.0
            pipe.settings.change(prior=0.3, thresholds={"bank": 0.9})
    is_over.set()
    thread.join()
    assert seen <= {(1.0, False), (0.3, True)}


def make_texts(n):
    """Texts with words that occur once, each n times as many."""
    rng = random.Random(0)
    words = " ".join(TEXTS).split()
    made = [
        " ".join([*rng.sample(words, 1 + i % 7), f"new{i}" * (i % 2)]) for i in range(n)
    ]
    return [*TEXTS, *made]


@pytest.mark.parametrize("n", [20, pytest.param(400, marks=pytest.mark.slow)])
def test_eight_threads_give_what_one_gives(kind, n, impatient):
    nlp, texts = kind.load_pair(ranker=RANKER), make_texts(n)
    expected = [run(nlp, text) for text in texts]

    def work(number):
        turned = texts[number:] + texts[:number]
        if number % 2:
            docs = list(nlp.pipe(turned, batch_size=16))
        else:
            docs = [nlp(text) for text in turned]
        found = [(doc.cats, doc._.longtail) for doc in docs]
        return found[len(texts) - number :] + found[: len(texts) - number]

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(work, range(8)):
            assert found == expected


@pytest.mark.parametrize(
    "method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)]
)
def test_process_of_a_pipeline_that_others_use_gives_the_same(kind, method, impatient):
    """After it has predicted, and while threads do."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"processes can't be started by {method} here")
    nlp, is_over = kind.load_pair(ranker=RANKER), Event()
    expected = [run(nlp, text) for text in TEXTS]

    def work():
        while not is_over.is_set():
            list(nlp.pipe(TEXTS))

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            docs = [pool.submit(nlp, text) for text in TEXTS]
            found = [(doc.result().cats, doc.result()._.longtail) for doc in docs]
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert found == expected
