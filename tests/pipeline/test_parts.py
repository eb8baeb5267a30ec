import json
import shutil
import tracemalloc
from pathlib import Path

import pytest
import spacy
import srsly

from spacy_longtail.loading import load_pipeline
from spacy_longtail.saved import get_digest, write_json

OLD = Path(__file__).resolve().parents[1] / "data" / "pipelines"
DAMAGED = r"\[L360\] .*{}.* of '{}' can't be read"


# The vectors of the old pipelines, for those that load parts of them.
ENCODER = {
    "@architectures": "spacy-longtail.StaticBag.v1",
    "vectors": {"@misc": "spacy-longtail.BundledVectors.v1"},
}
OLD_MODEL = {"model": {"encoder": ENCODER}}


def read_cfg(folder):
    return json.loads((folder / "cfg").read_text(encoding="utf8"))


def sign(cfg):
    """Make a cfg that nothing but its values can tell from one that was saved."""
    return write_json({**cfg, "digest": get_digest(cfg)})


@pytest.fixture(scope="module")
def nlp(kind):
    """Its components are loaded again and again."""
    return spacy.load(OLD / kind.name)


@pytest.fixture(scope="module")
def saved(nlp, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "pipeline"
    nlp.to_disk(path)
    return path


@pytest.fixture(params=["old", "new"])
def folder(request, kind, saved, tmp_path):
    """A pipeline that an older version saved without digests, or this one with."""
    path = saved if request.param == "new" else OLD / kind.name
    return shutil.copytree(path, tmp_path / "pipeline")


@pytest.fixture
def new(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "pipeline")


@pytest.fixture
def load(nlp):
    """Load the components, which takes a tenth of the time of loading the pipeline."""

    def load(folder, *names):
        for name in names or nlp.pipe_names:
            nlp.get_pipe(name).from_disk(folder / name, exclude=["vocab"])

    return load


EDITS = {
    "temperature of 0": {"temperature": 0},
    "temperature below 0": {"temperature": -1},
    "temperature of a string": {"temperature": "hot"},
    "prior": {"prior": 9},
    "threshold": {"thresholds": {"bank": 9}},
    "unknown node": {"thresholds": {"bank/mortgage": 0.5}},
    "list of thresholds": {"thresholds": [0.5]},
    "keep": {"keep": "bank"},
    "top k": {"cats_top_k": 0},
    "no names": {"names": []},
    "name of numbers": {"names": [[[1]]] * 7},
    "no taxonomy": {"taxonomy": None},
    "unknown key": {"temprature": 1.0},
    "no format": {"format": None},
    "separator": {"separator": ">"},
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_cfg_is_one_error(folder, kind, load, edit):
    path = folder / kind.factory / "cfg"
    path.write_text(json.dumps({**read_cfg(path.parent), **EDITS[edit]}))
    with pytest.raises(ValueError, match=DAMAGED.format("cfg", kind.factory)):
        load(folder)


@pytest.mark.parametrize("edit", [e for e in EDITS if e != "unknown key"])
def test_what_setters_refuse_is_refused_although_it_is_signed(new, kind, load, edit):
    cfg = read_cfg(new / kind.factory)
    del cfg["digest"]
    (new / kind.factory / "cfg").write_bytes(sign({**cfg, **EDITS[edit]}))
    with pytest.raises(ValueError, match=DAMAGED.format("cfg", kind.factory)):
        load(new)


@pytest.mark.parametrize(
    "change",
    [
        lambda leaves: [*leaves[1:], leaves[0]],
        lambda leaves: [leaves[0], leaves[0], *leaves[2:]],
        lambda leaves: leaves[:-1],
    ],
    ids=["rotated", "twice", "one less"],
)
def test_edited_leaves_are_an_error(folder, kind, load, change):
    cfg = read_cfg(folder / kind.factory)
    cfg["taxonomy"]["leaves"] = change(cfg["taxonomy"]["leaves"])
    (folder / kind.factory / "cfg").write_text(json.dumps(cfg))
    with pytest.raises(ValueError, match=DAMAGED.format("cfg", kind.factory)):
        load(folder)


def test_every_key_of_a_cfg_is_needed(folder, kind, load):
    path = folder / kind.factory
    whole = read_cfg(path)
    for key in whole:
        rest = {name: value for name, value in whole.items() if name != key}
        (path / "cfg").write_text(json.dumps(rest))
        with pytest.raises(ValueError, match=DAMAGED.format("cfg", kind.factory)):
            load(folder)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff\xfe", b"[" * 200_000, b'{"a": NaN}', b"1" * 9999]
)
@pytest.mark.parametrize("file", ["cfg", "model", "fallback.msgpack"])
def test_other_content_is_an_error(folder, kind, load, file, content):
    name = "zero_shot_fallback" if file == "fallback.msgpack" else kind.factory
    (folder / name / file).write_bytes(content)
    with pytest.raises(ValueError, match=DAMAGED.format(file, name)):
        load(folder)


@pytest.mark.parametrize("file", ["cfg", "model", "fallback.msgpack"])
def test_missing_file_is_an_error(folder, kind, load, file):
    name = "zero_shot_fallback" if file == "fallback.msgpack" else kind.factory
    (folder / name / file).unlink()
    with pytest.raises(ValueError, match=rf"\[L360\].*{file}.*it is missing"):
        load(folder)


def test_file_of_the_other_kind_is_an_error(folder, kind, load, request):
    other = {"exclusive": "multilabel", "multilabel": "exclusive"}[kind.name]
    factory = request.getfixturevalue(other).factory
    shutil.copy(OLD / other / factory / "cfg", folder / kind.factory / "cfg")
    with pytest.raises(ValueError, match=DAMAGED.format("cfg", kind.factory)):
        load(folder)


@pytest.fixture(scope="module")
def trainings(kind, tmp_path_factory):
    """Two trainings, whose labels are the same."""
    folder = tmp_path_factory.mktemp("trainings")
    nlp = kind.load_pair(first=OLD_MODEL)
    nlp.to_disk(folder / "a")
    examples = kind.make_examples(nlp)
    nlp.update(examples, sgd=nlp.resume_training())
    nlp.to_disk(folder / "b")
    return folder


@pytest.mark.parametrize("file", ["cfg", "model"])
def test_file_of_another_training_is_an_error(trainings, kind, load, tmp_path, file):
    """This is what a kill leaves in the middle of Language.to_disk, too."""
    mixed = shutil.copytree(trainings / "a", tmp_path / "mixed")
    shutil.copy(trainings / "b" / kind.factory / file, mixed / kind.factory / file)
    with pytest.raises(ValueError, match=r"\[L360\].*model of .*was saved with"):
        load(mixed)


@pytest.mark.parametrize("folders", ["ab", "ba"])
def test_fallback_of_another_first_stage_is_an_error(trainings, kind, load, folders):
    first, second = (trainings / name for name in folders)
    load(first, kind.factory)
    with pytest.raises(ValueError, match=r"\[L360\].*fallback.msgpack.*another"):
        load(second, "zero_shot_fallback")


def test_fallback_of_an_older_version_is_an_error(new, kind, load):
    """Its labels are the same. It doesn't know of which training they are."""
    file = "zero_shot_fallback/fallback.msgpack"
    shutil.copy(OLD / kind.name / file, new / file)
    with pytest.raises(ValueError, match=r"\[L360\].*fallback.msgpack.*older version"):
        load(new)


def test_tokenizer_that_answers_depend_on_is_looked_at(new, kind):
    """spaCy reads it without any complaint."""
    nlp = spacy.load(new)
    nlp.tokenizer.add_special_case("mycard", [{"ORTH": "my"}, {"ORTH": "card"}])
    nlp.tokenizer.to_disk(new / "tokenizer")
    with pytest.raises(ValueError, match=r"\[L360\].*tokenizer of .*saved beside"):
        spacy.load(new)
    nlp.to_disk(new)
    assert [t.text for t in spacy.load(new)("mycard")] == ["my", "card"]


def test_component_is_loaded_from_anywhere(new, kind, tmp_path):
    shutil.copytree(new / kind.factory, tmp_path / "alone")
    pipe = kind.make_nlp(**OLD_MODEL).get_pipe(kind.factory)
    pipe.from_disk(tmp_path / "alone", exclude=["vocab"])
    assert len(pipe.labels) == 7


@pytest.mark.parametrize("part", ["cfg", "model"])
def test_damaged_bytes_name_the_part(kind, part):
    pipe = spacy.load(OLD / kind.name).get_pipe(kind.factory)
    data = srsly.msgpack_loads(pipe.to_bytes())
    data[part] = data[part][:-9]
    with pytest.raises(ValueError, match=DAMAGED.format(f"part '{part}'", pipe.name)):
        pipe.from_bytes(srsly.msgpack_dumps(data))
    with pytest.raises(ValueError, match=r"\[L360\] what was saved of"):
        pipe.from_bytes(pipe.to_bytes()[:-9])


def test_claims_of_a_file_cost_no_memory(folder, kind, load):
    """Each of 500 lists in each other claims to be as long as the file."""
    length = 1_000_000
    bomb = (b"\xdd" + length.to_bytes(4, "big")) * 500 + bytes(length)
    claims = {"nodes": [], "attrs": [], "params": [], "shims": []}
    shape = {b"nd": True, b"type": "<f4", b"kind": b"", b"shape": [2**40], b"data": b""}
    for data in (bomb, srsly.msgpack_dumps({**claims, "params": [shape]})):
        (folder / kind.factory / "model").write_bytes(data)
        tracemalloc.start()
        with pytest.raises(ValueError, match=DAMAGED.format("model", kind.factory)):
            load(folder)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10 * length


def test_damaged_file_of_spacy_is_an_error_of_ours(new):
    for file, content in {
        "meta.json": "{",
        "config.cfg": "[nlp",
        "tokenizer": "",
    }.items():
        before = (new / file).read_bytes()
        (new / file).write_text(content)
        with pytest.raises(ValueError, match=r"\[L601\]"):
            load_pipeline(str(new))
        (new / file).write_bytes(before)


def test_pipe_that_was_trained_loads_weights_of_other_labels(kind, new):
    nlp = kind.make_nlp(**OLD_MODEL)
    kind.train(nlp, [("a card", ["card"]), ("a hat", ["hat"])] * 3, n_updates=1)
    pipe = nlp.get_pipe(kind.factory)
    pipe.from_disk(new / kind.factory, exclude=["vocab"])
    assert len(nlp("my card").cats) == 7
