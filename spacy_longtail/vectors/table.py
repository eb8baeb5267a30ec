from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Protocol, Sequence, Tuple, Union, cast

import numpy
from thinc.types import Floats2d, Ints1d

from ..errors import Errors
from ..files import StateT
from ..saved import get_digest
from .storage import TableData, read_data, read_meta, write_table

DATA_DIR = Path(__file__).parent / "data"


class StaticVectors(Protocol):
    """A fixed vector per word, the same wherever the word stands.

    An object that has these members can be the vectors of a static encoder. It
    never changes after it was built, and one object can serve many pipelines.

    name (str): What a saved pipeline remembers the vectors by.
    width (int): Length of each vector.
    words (Tuple[str, ...]): The word of each row. A word piece that continues a
        word is written with two leading number signs, "##ing".
    """

    @property
    def name(self) -> str: ...

    @property
    def width(self) -> int: ...

    @property
    def words(self) -> Tuple[str, ...]: ...

    def find(self, word: str) -> Tuple[int, ...]:
        """RETURNS (Tuple[int, ...]): The row of any string, which is in lower case, or
        the rows of its pieces from left to right, or () if nothing in it is known.
        """
        ...

    def get(self, rows: Ints1d) -> Floats2d:
        """RETURNS (Floats2d): Copies of rows, in any order, repeats allowed: float32
        array of shape (rows, width).
        """
        ...


# Makes a table again, maybe in another process.
RemakeT = Callable[[], "StaticTable"]


@dataclass(eq=False, repr=False, kw_only=True)
class StaticTable:
    """Static word vectors: 8-bit rows with one scale each, and their words.

    Whatever weight a word has by its frequency is included in its vector. The
    table is read at the first lookup, not before, and never changes.

    load (Callable[[], TableData]): Reads the words and rows.
    meta (Dict[str, Any]): Where the table comes from: source, licence, checksums.
    remake (Optional[RemakeT]): Makes the table again when it is unpickled. If None,
        its data is pickled.
    files (Optional[Dict[str, str]]): Checksums of the files that it is read from.
    """

    name: str
    width: int
    load: Callable[[], TableData]
    meta: Dict[str, Any] = field(default_factory=dict)
    remake: Optional[RemakeT] = None
    files: Optional[Dict[str, str]] = None

    @classmethod
    def from_arrays(
        cls,
        words: Sequence[str],
        vectors: Floats2d,
        *,
        name: str,
        meta: Optional[Dict[str, Any]] = None,
    ) -> "StaticTable":
        """Make a table from 32-bit vectors, which are rounded to 8 bits.

        words (Sequence[str]): The word or "##piece" of each row, no two alike.
        vectors (Floats2d): Array of shape (words, width).
        RAISES (ValueError): L254 if there isn't one word for each row.
        """
        data = TableData.from_arrays(name, words, *quantize(vectors))
        return cls._from_data(data, name, meta)

    @classmethod
    def _from_data(
        cls, data: TableData, name: str, meta: Optional[Dict[str, Any]]
    ) -> "StaticTable":
        width, meta = data.rows.shape[1], dict(meta or {})
        return cls(name=name, width=width, load=lambda: data, meta=meta)

    @classmethod
    def from_disk(
        cls, path: Union[str, Path], *, remake: Optional[RemakeT] = None
    ) -> "StaticTable":
        """Open a table that to_disk wrote. Only its meta.json is read at once.

        remake (Optional[RemakeT]): If None, it is read from the same path again.
        RAISES (ValueError): L251 if a file is missing, L252 if one is damaged,
            L253 if meta.json can't be read. L251 and L252 can come as late as the
            first lookup.
        """
        path = Path(path)
        meta = read_meta(path)
        return cls(
            name=meta["name"],
            width=meta["width"],
            load=partial(read_data, path, meta),
            meta=meta,
            remake=remake or partial(cls.from_disk, str(path.absolute())),
            files=meta["files"],
        )

    def to_disk(self, path: Path, *, before: Optional[StateT] = None) -> None:
        """Write meta.json, words.txt, rows.npy and scales.npy to a folder, which is
        created if needed.

        before (Optional[StateT]): See write_folder.
        """
        meta = {**self.meta, "name": self.name}
        write_table(Path(path), self.data, meta, before=before)

    @cached_property
    def data(self) -> TableData:
        return self.load()

    @property
    def words(self) -> Tuple[str, ...]:
        return self.data.words

    @cached_property
    def digest(self) -> str:
        """RETURNS (str): Tells the words and vectors from others. Those of a table on
        disk aren't read for it.
        """
        if self.files is not None:
            return get_digest(self.width, dict(self.files))
        data = self.data
        arrays = [data.rows.tobytes(), data.scales.tobytes()]
        return get_digest(*arrays, data.lookup.words, data.lookup.pieces)

    def find(self, word: str) -> Tuple[int, ...]:
        """Look up an unknown word without accents, then by greedy longest match of
        pieces, see WordPieces. Never raises, whatever the string.
        """
        return self.data.lookup.find(word)

    def get(self, rows: Ints1d) -> Floats2d:
        picked = numpy.asarray(rows, dtype=numpy.intp)
        scales = self.data.scales[picked]
        return cast(Floats2d, self.data.rows[picked] * scales[:, None])

    def __len__(self) -> int:
        return len(self.words)

    def __deepcopy__(self, memo: Dict[int, Any]) -> "StaticTable":
        return self

    def __reduce__(self) -> Tuple[Callable[..., "StaticTable"], Tuple[Any, ...]]:
        if self.remake is not None:
            return self.remake, ()
        return StaticTable._from_data, (self.data, self.name, self.meta)


def make_bundled_vectors(*, name: str = "en-minilm-wordnet-256") -> StaticTable:
    """Open static word vectors that are installed with spacy-longtail.

    Registered as "spacy-longtail.BundledVectors.v2". The vectors are read at the
    first lookup, once per process, and shared by all pipelines.

    name (str): "en-minilm-wordnet-256": 256-dimensional vectors of English words and
        word pieces, distilled from all-MiniLM-L6-v2, then taught to imitate it on
        sentences made of WordNet's texts. Or "en-minilm-256", which weren't.
    RAISES (ValueError): L250 if there are no vectors of this name.
    """
    return _open_bundled(name)


def make_bundled_vectors_v1(*, name: str = "en-minilm-256") -> StaticTable:
    """Open the static word vectors of pipelines that were saved with them.

    Registered as "spacy-longtail.BundledVectors.v1". Its default is what differs from
    "spacy-longtail.BundledVectors.v2".

    name (str): "en-minilm-256": 256-dimensional vectors of English words and word
        pieces, distilled from all-MiniLM-L6-v2.
    RAISES (ValueError): L250 if there are no vectors of this name.
    """
    return _open_bundled(name)


@lru_cache(maxsize=None)
def _open_bundled(name: str) -> StaticTable:
    names = sorted(path.parent.name for path in DATA_DIR.glob("*/meta.json"))
    if name not in names:
        raise ValueError(Errors.L250.format(name=name, names=", ".join(names)))
    return StaticTable.from_disk(DATA_DIR / name, remake=partial(_open_bundled, name))


def make_table_vectors(*, path: Optional[str]) -> StaticTable:
    """Open static word vectors that 'spacy longtail distill' made.

    Registered as "spacy-longtail.TableVectors.v1". The vectors are read at the first
    lookup. A saved pipeline has the path, not the vectors, so the folder has to
    stay where it is.

    path (Optional[str]): The folder.
    RAISES (ValueError): L261 if no path is given, L251 if there are no vectors, L252
        or L253 if they are damaged.
    """
    if not path:
        raise ValueError(Errors.L261)
    return StaticTable.from_disk(Path(path))


def quantize(vectors: Floats2d) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Round vectors, (rows, width), to 8 bits, symmetric around 0.

    RETURNS (Tuple[ndarray, ndarray]): int8 rows, the largest value of each being 127,
        and the float32 scale of each.
    """
    X = numpy.asarray(vectors, dtype=numpy.float32)
    scales = numpy.abs(X).max(axis=1, initial=0.0) / numpy.float32(127)
    safe = numpy.where(scales > 0, scales, numpy.float32(1))
    return numpy.rint(X / safe[:, None]).astype(numpy.int8), scales
