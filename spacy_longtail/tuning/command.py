from pathlib import Path
from typing import Any, Optional, Union

from ..files import check_output, load_pipeline, read_corpus, save_pipeline
from .multilabel.result import MultilabelTuning
from .result import Tuning
from .settings import Wish
from .tune import tune


def tune_pipeline(
    pipeline: str,
    dev: Path,
    output: Path,
    wish: Optional[Wish] = None,
    *,
    force: bool = False,
    **settings: Any,
) -> Union[Tuning, MultilabelTuning]:
    """Tune a pipeline on a corpus and write it to a new folder.

    pipeline (str): Folder or package. It stays as it is.
    dev (Path): A .spacy file, or a folder with some.
    output (Path): Folder to write.
    force (bool): Replace what is there.
    settings (Any): See tune.
    RETURNS (Union[Tuning, MultilabelTuning]): See tune.
    RAISES (ValueError): L601 to L604 about the paths, and errors of tune.
    """
    check_output(output, force=force, source=pipeline)
    nlp = load_pipeline(pipeline)
    result = tune(nlp, read_corpus(nlp, dev), wish, **settings)
    save_pipeline(nlp, output, force=force)
    return result
