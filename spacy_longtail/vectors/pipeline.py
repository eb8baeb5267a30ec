from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple

import numpy
from spacy.strings import StringStore
from spacy.vectors import Vectors

from ..errors import Errors
from ..files import StateT, finish_interrupted, write_folder
from ..languages import make_blank
from ..saved import check_finite_array, check_type, read_json, read_msgpack, refuse
from .storage import TableData
from .table import StaticTable
from .word_pieces import MAX_CHARS, WordPieces

# Length of a typical row of the bundled vectors. The learning rates of the
# trainable rows are chosen for it.
TYPICAL_LENGTH = 0.5
# Words by which it is found where rows aren't those of words.
N_TYPICAL = 1000
# The settings of floret, with their type, and the least and the most.
FLORET = {
    "minn": (int, 0, MAX_CHARS),
    "maxn": (int, 0, MAX_CHARS),
    "hash_count": (int, 1, 4),
    "hash_seed": (int, 0, 2**32 - 1),
    "bow": (str, 0, MAX_CHARS),
    "eow": (str, 0, MAX_CHARS),
}


def make_pipeline_vectors(*, path: Optional[str]) -> StaticTable:
    """Use the word vectors of a spaCy pipeline as static vectors.

    Registered as "spacy-longtail.PipelineVectors.v1". Only the strings and vectors
    are read, at the first lookup: no component is loaded and no code of the
    pipeline runs. A word is looked up in lower case, and if the vectors don't have
    it so, in whatever case they have it; there are no word pieces. In floret vectors,
    any word is the mean of the rows of its character n-grams. All vectors are scaled by
    one factor, so that the typical row is as long as in the bundled vectors.

    path (Optional[str]): Name of an installed pipeline ("en_core_web_md"), a
        pipeline folder, or the output folder of "spacy init vectors".
    RAISES (ValueError): L255 if the vectors are damaged, L256 if no path is given,
        L257 if there is no pipeline with vectors, L258 if it has none, L259 if they
        are floret vectors without their settings.
    """
    if not path:
        raise ValueError(Errors.L256)
    finish_interrupted(Path(path))
    vocab = _find_vocab(path)
    cfg = vocab / "vectors.cfg"
    with _explain(cfg):
        settings = read_json(cfg.read_bytes()) if cfg.is_file() else {}
        is_floret = check_type(settings, dict, "it").get("mode") == "floret"
    floret = _read_floret(settings, path) if is_floret else None
    with _explain(vocab / "vectors"):
        # Its claims are checked against the size of the file.
        mapped = numpy.load(vocab / "vectors", mmap_mode="r", allow_pickle=False)
        shape, kind = mapped.shape, mapped.dtype.kind
        if len(shape) != 2 or kind != "f":
            refuse(f"it has an array of shape {shape} and type {mapped.dtype}")
    if 0 in shape:
        raise ValueError(Errors.L258.format(path=path))
    return StaticTable(
        name=path,
        width=shape[1],
        load=partial(_load_vectors, vocab, floret),
        remake=partial(make_pipeline_vectors, path=path),
    )


def write_pipeline_vectors(
    table: StaticTable, path: Path, *, lang: str, before: Optional[StateT] = None
) -> None:
    """Write static vectors as a spaCy pipeline without components.

    Any spaCy pipeline can use it, for example as `paths.vectors`. It has whole words
    only, an unknown one has no vector there, and 32 bits a value.

    lang (str): Language of the pipeline, for its tokenizer.
    before (Optional[StateT]): See write_folder.
    """
    nlp = make_blank(lang)
    rows = [i for i, word in enumerate(table.words) if not word.startswith("##")]
    keys = [nlp.vocab.strings.add(table.words[row]) for row in rows]
    data, strings = table.get(numpy.asarray(rows)), nlp.vocab.strings
    vectors = Vectors(strings=strings, data=data, keys=keys, name=table.name)
    nlp.vocab.vectors = vectors
    nlp.meta["description"] = f"Static vectors, {table.meta.get('source', '')}"
    with write_folder(path, before=before) as folder:
        nlp.to_disk(folder)


def _find_vocab(path: str) -> Path:
    folders = [Path(path)]
    if path.isidentifier():
        # Importing the package to find its folder would run its code.
        spec = find_spec(path)
        if spec is not None and spec.origin is not None:
            folders.extend(sorted(Path(spec.origin).parent.glob(f"{path}-*")))
    for folder in folders:
        for vocab in (folder, folder / "vocab"):
            if (vocab / "vectors").is_file():
                return vocab
    raise ValueError(Errors.L257.format(path=path))


@contextmanager
def _explain(path: Path) -> Iterator[None]:
    """RAISES (ValueError): L255 for whatever goes wrong while a file is read."""
    try:
        yield
    except Exception as err:
        problem = getattr(err, "problem", err)
        raise ValueError(Errors.L255.format(path=path, error=problem)) from err


class FloretPieces(WordPieces):
    """Look up any word as the rows of its character n-grams, hashed as floret does it.

    Source: https://github.com/explosion/floret

    settings (Dict[str, Any]): Those of spaCy's Vectors in this mode.
    n_rows (int): Rows of the table.
    """

    def __init__(self, settings: Dict[str, Any], n_rows: int) -> None:
        super().__init__({}, settings)
        # Only how it hashes is needed of them.
        nothing = numpy.zeros((n_rows, 1), dtype="float32")
        self.vectors = Vectors(data=nothing, mode="floret", **settings)

    def find(self, word: str) -> Tuple[int, ...]:
        hashes, n_rows = self.vectors._get_ngram_hashes, self.vectors.shape[0]
        text = word.encode("utf8", "ignore").decode("utf8")[:MAX_CHARS]
        if not text:
            return ()
        ngrams = self.vectors._get_ngrams(text)
        return tuple(h % n_rows for ngram in ngrams for h in hashes(ngram))


def _read_floret(settings: Dict[str, Any], path: str) -> Dict[str, Any]:
    """RAISES (ValueError): L259 if there is no setting, or it is out of range."""
    found = {name: settings.get(name) for name in FLORET}
    for name, (kind, least, most) in FLORET.items():
        value: Any = found[name]
        size = len(value) if isinstance(value, str) else value
        if type(value) is not kind or not least <= size <= most:
            raise ValueError(Errors.L259.format(path=path, name=name, value=value))
    return found


def _load_vectors(vocab: Path, floret: Optional[Dict[str, Any]]) -> TableData:
    with _explain(vocab / "vectors"):
        rows = numpy.load(vocab / "vectors", allow_pickle=False).astype("float32")
        check_finite_array(rows, "it")
    with _explain(vocab / "strings.json"):
        strings = StringStore().from_disk(vocab / "strings.json")
    if floret is not None:
        hashed = FloretPieces(floret, len(rows))
        # What is typical of words isn't of the rows that they are the means of.
        words = [word for word in strings if word.isalpha()][:N_TYPICAL]
        means = [rows[list(hashed.find(word))].mean(axis=0) for word in words]
        scales = _get_scales(numpy.asarray(means) if means else rows, len(rows))
        return TableData((), rows, scales, hashed)
    with _explain(vocab / "key2row"):
        places = read_msgpack((vocab / "key2row").read_bytes())
        for key, row in check_type(places, dict, "it").items():
            if not 0 <= check_type(key, int, "a key") < 2**64 or not -1 <= row < len(
                rows
            ):
                refuse(f"the key {key!r} has the row {row!r}")
    words = [""] * len(rows)
    exact: Dict[str, int] = {}
    lower: Dict[str, int] = {}
    for key, row in places.items():
        if key in strings and row >= 0:
            word = strings[key]
            exact[word] = row
            lower.setdefault(word.lower(), row)
            words[row] = words[row] or word
    pieces = WordPieces({**lower, **exact}, {})
    return TableData(tuple(words), rows, _get_scales(rows, len(rows)), pieces)


def _get_scales(vectors: numpy.ndarray, n: int) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The same scale n times, which makes the typical one of
    the vectors of words as long as it is in the bundled vectors.
    """
    lengths = numpy.linalg.norm(vectors, axis=1)
    typical = numpy.median(lengths[lengths > 0]) if lengths.any() else 1.0
    return numpy.full(n, TYPICAL_LENGTH / typical, dtype="float32")
