from pathlib import Path
from typing import Optional, Union

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
@command("tune")
def tune_cli(
    pipeline: str = PIPELINE,
    dev: Path = Arg(..., help="Corpus with gold labels that wasn't trained on: a .spacy file or a folder of them"),
    output: Path = Opt(..., "--output", "-o", help="Folder to write the tuned pipeline to"),
    goal: str = Opt("macro", "--for", help="What should be best: macro (F1), accuracy (micro-F1 with several labels per document) or calibration"),
    prior: Optional[str] = Opt(None, "--prior", help="Don't look for a prior, take this: uniform, train or 0.0 to 1.0"),
    precision: Optional[float] = Opt(None, "--precision", "-p", help="Abstain until this share of the labels given is right"),
    coverage: Optional[float] = Opt(None, "--coverage", "-c", help="Abstain until this share of the documents gets a label"),
    per_label: bool = Opt(False, "--per-label", "-l", help="Reach the precision for each label; with several labels per document it always is, but for accuracy"),
    pipe: Optional[str] = PIPE,
    folds: int = Opt(5, "--folds", help="Parts of the corpus for cross-fitting"),
    seed: int = Opt(0, "--seed", "-s", help="Seed of the folds and the bootstrap"),
    even_if_worse: bool = Opt(False, "--even-if-worse", help="Take settings that are worse beyond noise, too, instead of those before"),
    gpu_id: int = GPU,
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the result as JSON"),
) -> None:
    # fmt: on
    """
    Fit prior, temperature and thresholds on a dev corpus, and write a new pipeline.

    The model isn't trained, and runs over the corpus once. The figures for "after"
    are cross-fitted: no document is scored with settings that it took part in
    choosing. Brackets are 95 % intervals. If the settings after are worse than those
    before, beyond noise, the new pipeline has those before. With several labels per document, each label
    gets a threshold of its own, with the best F1 or the wished precision.

    Example: python -m spacy longtail tune training/model-best corpus/dev.spacy
    --output training/tuned --for accuracy
    """
    from ..tuning import Wish, tune_pipeline

    use_gpu(gpu_id)
    wish = Wish(goal, _read_prior(prior), precision, coverage, per_label)  # type: ignore[arg-type]
    settings = {"folds": folds, "seed": seed, "even_if_worse": even_if_worse}
    result = tune_pipeline(
        pipeline, dev, output, wish, force=force, pipe=pipe, progress=PROGRESS, **settings
    )
    print_result(result, json)
    if not json:
        kind = "tuned pipeline" if result.is_applied else "pipeline as it was"
        print_remark(Remark("good", f"Saved the {kind} to {output}"))


def _read_prior(prior: Optional[str]) -> Union[str, float, None]:
    try:
        return None if prior is None else float(prior)
    except ValueError:
        return prior
