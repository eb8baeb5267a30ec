from functools import lru_cache
from pathlib import Path

from ..errors import Errors
from .table import StaticTable

DATA_DIR = Path(__file__).parent / "data"


def make_bundled_vectors(*, name: str = "en-minilm-256") -> StaticTable:
    """Open static word vectors that are installed with spacy-longtail.

    Registered as "spacy-longtail.BundledVectors.v1". The vectors are read at the
    first lookup, once per process, and shared by all pipelines.

    name (str): "en-minilm-256": 256-dimensional vectors of English words and word
        pieces, distilled from all-MiniLM-L6-v2.
    RETURNS (StaticTable): The vectors.
    RAISES (ValueError): L250 if there are no vectors of this name.
    """
    return _open_bundled(name)


@lru_cache(maxsize=None)
def _open_bundled(name: str) -> StaticTable:
    names = sorted(path.parent.name for path in DATA_DIR.glob("*/meta.json"))
    if name not in names:
        raise ValueError(Errors.L250.format(name=name, names=", ".join(names)))
    return StaticTable.from_disk(DATA_DIR / name, origin=(_open_bundled, (name,)))
