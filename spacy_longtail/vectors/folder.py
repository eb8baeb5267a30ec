from pathlib import Path
from typing import Optional

from ..errors import Errors
from .table import StaticTable


def make_table_vectors(*, path: Optional[str]) -> StaticTable:
    """Open static word vectors that 'spacy longtail distill' made.

    Registered as "spacy-longtail.TableVectors.v1". The vectors are read at the first
    lookup. A saved pipeline has the path, not the vectors, so the folder has to
    stay where it is.

    path (Optional[str]): The folder.
    RETURNS (StaticTable): The vectors.
    RAISES (ValueError): L261 if no path is given, L251 if there are no vectors, L252
        or L253 if they are damaged.
    """
    if not path:
        raise ValueError(Errors.L261)
    return StaticTable.from_disk(Path(path))
