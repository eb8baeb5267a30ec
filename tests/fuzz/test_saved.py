"""Damage the files of saved pipelines in any way: loading ends in an error with a code
that names the file, or the pipeline answers as before.

Each case follows from its number, and is run by that alone: FUZZ_SEED=123 FUZZ_CASES=1.
"""

import json
import os
import random
import shutil
import time
import warnings
from pathlib import Path

import pytest
import spacy
import srsly

from spacy_longtail.saved import get_digest, write_json

FIRST = int(os.environ.get("FUZZ_SEED", "0"))
N_CASES = int(os.environ.get("FUZZ_CASES", "200"))
N_PARTS = 2
MAX_SECONDS = 5.0
MAX_GROWTH = 200 * 1024
DATA = Path(__file__).resolve().parents[1] / "data" / "pipelines"
KINDS = ("exclusive", "multilabel")
TEXTS = ["I lost my card", "lend me money", "a gold card for the hotel", ""]
ODD_VALUES = [
    *(0, -1, 1, 2, 7, 10**12, 2**63, -(2**63), 0.5, 9.0, -0.0, 1e-40, 1e308),
    *(float("nan"), float("inf"), True, False, None, "", "x", "bank", "bank/card"),
    *([], {}, [[]], {"": 0}, [0] * 7, b"", b"\x00" * 8, b"\xff" * 32, [[[[[[0]]]]]]),
]


class Case:
    """A way to damage a file, chosen by a number."""

    def __init__(self, number, pipelines):
        self.rng = rng = random.Random(number)
        self.name = rng.choice(sorted(pipelines))
        self.pipeline = pipelines[self.name]
        self.file = rng.choice(self.pipeline.files)
        self.other = pipelines[rng.choice(sorted(pipelines))]
        ways = [self.flip, self.overwrite, self.cut, self.insert, self.swap, self.edit]
        self.way = rng.choice([*ways, *[self.edit] * 4])
        # What is signed again isn't damaged for those who can't look inside.
        self.is_signed = self.way == self.edit and rng.random() < 0.5

    def flip(self, data):
        place = self.rng.randrange(len(data))
        return (
            data[:place]
            + bytes([data[place] ^ 1 << self.rng.randrange(8)])
            + (data[place + 1 :])
        )

    def overwrite(self, data):
        start, n = self.rng.randrange(len(data)), self.rng.choice([1, 4, 100])
        new = self.rng.choice([bytes(n), b"\xff" * n, self.rng.randbytes(n)])
        return (data[:start] + new + data[start + n :])[: len(data)]

    def cut(self, data):
        start, end = sorted(self.rng.choices(range(len(data) + 1), k=2))
        return self.rng.choice([data[:start], data[start:], data[:start] + data[end:]])

    def insert(self, data):
        place, new = self.rng.randrange(len(data) + 1), self.rng.randbytes(3)
        return data[:place] + self.rng.choice([new, data[:50], b"["]) + data[place:]

    def swap(self, data):
        return self.rng.choice(list(self.other.content.values()))

    def edit(self, data):
        if self.file.name == "cfg":
            found = self.change(json.loads(data))
            return json.dumps(found, default=str).encode("utf8")
        return srsly.msgpack_dumps(self.change(srsly.msgpack_loads(data)))

    def change(self, value):
        """Change one value inside of others, which can be packed, too."""
        rng = self.rng
        if isinstance(value, bytes) and value and rng.random() < 0.7:
            try:
                return srsly.msgpack_dumps(self.change(srsly.msgpack_loads(value)))
            except Exception:
                return self.rng.choice([self.flip, self.cut])(value)
        if isinstance(value, (dict, list)) and value and rng.random() < 0.9:
            keys = list(value) if isinstance(value, dict) else list(range(len(value)))
            key, other = rng.choice(keys), rng.choice(keys)
            changed = value.copy()
            what = rng.random()
            if what < 0.75:
                changed[key] = self.change(value[key])
            elif what < 0.8:
                del changed[key]
            elif what < 0.9:
                changed[key], changed[other] = changed[other], changed[key]
            elif isinstance(value, dict):
                changed[rng.choice(["new", "format", "nd", 1])] = value[key]
            else:
                changed.insert(key, value[key])
            return changed
        if isinstance(value, (int, float)) and rng.random() < 0.3:
            return value + rng.choice([-1, 1, 0.5])
        return rng.choice(ODD_VALUES)

    def sign(self, content):
        """Compute the digests again that are in the folder of the file."""
        folder = self.file.parent
        try:
            if self.file.name == "fallback.msgpack":
                found = srsly.msgpack_loads(content[self.file])
                found["digest"] = get_digest(found["data"], found["source"])
                content[self.file] = srsly.msgpack_dumps(found)
                return
            cfg = json.loads(content[folder / "cfg"])
            if "digest" in cfg:
                cfg["model"] = get_digest(content[folder / "model"])
                del cfg["digest"]
                content[folder / "cfg"] = write_json({**cfg, "digest": get_digest(cfg)})
        except Exception:
            self.is_signed = False


class Pipeline:
    """A saved pipeline, and what it answers."""

    def __init__(self, path, *, has_digests):
        self.path = path
        self.has_digests = has_digests
        self.nlp = spacy.load(path)
        self.files = sorted(
            file for name in self.nlp.pipe_names for file in (path / name).iterdir()
        )
        self.content = {file: file.read_bytes() for file in self.files}
        self.answers = self.predict(self.nlp.pipe_names)

    def load(self, names):
        for name in names:
            self.nlp.get_pipe(name).from_disk(self.path / name, exclude=["vocab"])

    def predict(self, names):
        with self.nlp.select_pipes(enable=names):
            docs = list(self.nlp.pipe(TEXTS))
        return [(dict(doc.cats), doc._.longtail) for doc in docs]


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    found = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        shutil.copytree(DATA / kind, folder / "old")
        spacy.load(folder / "old").to_disk(folder / "new")
        for name in ("old", "new"):
            found[f"{kind} {name}"] = Pipeline(folder / name, has_digests=name == "new")
    return found


def run(case):
    """RETURNS (Optional[str]): What is wrong, None if nothing is."""
    pipeline = case.pipeline
    content = dict(pipeline.content)
    content[case.file] = case.way(content[case.file])
    if case.is_signed and pipeline.has_digests:
        case.sign(content)
    names = list(pipeline.nlp.pipe_names)
    if case.is_signed and case.file.parent.name == names[0]:
        # The other one would know that it's another.
        names = names[:1]
    changed = [file for file in content if content[file] != pipeline.content[file]]
    for file in changed:
        file.write_bytes(content[file])
    try:
        pipeline.load(names)
        answers = pipeline.predict(names)
    except ValueError as error:
        if not str(error).startswith("[L"):
            return f"{error!r}"
        is_named = case.is_signed or not changed or str(case.file) in str(error)
        is_named |= "[L305]" in str(error) or case.way == case.swap
        return None if is_named or not pipeline.has_digests else f"unnamed: {error}"
    except Exception as error:
        return f"{error!r}"
    finally:
        for file in changed:
            file.write_bytes(pipeline.content[file])
    is_same = answers == pipeline.answers or case.is_signed or not pipeline.has_digests
    return None if is_same else "other answers, and no error"


@pytest.mark.parametrize("part", range(N_PARTS))
def test_damaged_file_is_an_error_or_changes_nothing(pipelines, part):
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    failed = []
    for number in range(FIRST + part, FIRST + N_CASES, N_PARTS):
        case, start = Case(number, pipelines), time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = run(case)
        if time.monotonic() - start > MAX_SECONDS:
            problem = "it takes too long"
        if problem:
            place = case.file.relative_to(case.pipeline.path)
            failed.append(
                f"{number}: {case.way.__name__} in {place} of {case.name}: {problem}"
            )
    assert not failed, "\n".join(failed[:20])
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < MAX_GROWTH
