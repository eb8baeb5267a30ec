import sys
from pathlib import Path
from typing import List, Optional

from spacy.cli._util import Arg, Opt

from ..presentation import Remark
from .command import (
    GPU,
    PIPE,
    PIPELINE,
    PROGRESS,
    command,
    print_remark,
    print_result,
    use_gpu,
)
from .output import FORCE


# fmt: off
@command("update")
def update_cli(
    pipeline: str = PIPELINE,
    corpus: Path = Arg(..., help="Folder of train.spacy and dev.spacy, with all texts, old and new"),
    output: Path = Opt(..., "--output", "-o", help="Folder to write the updated pipeline to"),
    promote: Optional[int] = Opt(None, "--promote", help="Texts from which on a category that was pooled or added at run time gets a column of its own  [default: as the pipeline pools]"),
    forget: List[str] = Opt([], "--forget", help="Category, or node above some, that has another name now or was split; it can be given several times. Those with texts in the corpus stay"),
    descriptions: Optional[Path] = Opt(None, "--descriptions", help="Descriptions of categories; those of before stay without new ones"),
    steps: Optional[int] = Opt(None, "--steps", help="Steps of training  [default: a sixth of those from scratch]"),
    keep: float = Opt(0.3, "--keep", help="Share of what was learned to start with, from 0.0 to 1.0"),
    pipe: Optional[str] = PIPE,
    seed: int = Opt(0, "--seed", "-s", help="Seed of the training and of the intervals"),
    gpu_id: int = GPU,
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the result as JSON"),
) -> None:
    # fmt: on
    """
    Train a pipeline further on a corpus that has grown, and write a new pipeline.

    Categories that are known go on from what was learned, new ones start at their
    prototypes, and those that were pooled or added at run time get a column of their
    own once they have enough texts. The result says which, and what is better and worse
    than before on the dev split. Brackets are 95 % intervals.

    Example: python -m spacy longtail update training/model-best corpus --output
    training/week2 --promote 5
    """
    from ..updating import update_pipeline

    use_gpu(gpu_id)
    result = update_pipeline(
        pipeline,
        corpus,
        output,
        promote=promote,
        forget=forget,
        descriptions=descriptions,
        steps=steps,
        keep=keep,
        pipe=pipe,
        seed=seed,
        force=force,
        progress=PROGRESS,
        log=sys.stderr,
    )
    print_result(result, json)
    if not json:
        print_remark(Remark("good", f"Saved the updated pipeline to {output}"))
