from functools import partial
from pathlib import Path
from typing import List, Optional

from spacy.cli._util import Arg, Opt

from ..errors import JobErrors
from .command import GPU, PIPE, PIPELINE, PROGRESS, command, use_gpu
from .output import FORCE, PAGE, look_at_page, print_and_save


# fmt: off
@command("report")
def report_cli(
    pipeline: str = PIPELINE,
    corpus: Path = Arg(..., help="Corpus with gold labels: a .spacy file or a folder of them"),
    output: Optional[Path] = PAGE,
    against: Optional[str] = Opt(None, "--against", help="Compare with this: another pipeline, or a table or a folder of what one has predicted"),
    text: List[str] = Opt(["text"], "--text", "-t", help="Column of the text in such a table; several are joined"),
    baseline: bool = Opt(False, "--baseline", help="Compare with a LinearSVC that is trained in passing (needs scikit-learn)"),
    train: Optional[Path] = Opt(None, "--train", help="Corpus to train the baseline on"),
    nearest: int = Opt(3, "--nearest", "-n", help="Training texts to show that are most like a document that is wrong, of those that are kept with the pipeline; 0 for none"),
    pipe: Optional[str] = PIPE,
    head: int = Opt(50, "--head", help="Fewest training documents of a head label"),
    mid: int = Opt(10, "--mid", help="Fewest training documents of a mid label"),
    seed: int = Opt(0, "--seed", "-s", help="Seed of the bootstrap"),
    gpu_id: int = GPU,
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the report as JSON"),
) -> None:
    # fmt: on
    """
    Show how well a pipeline does on a corpus, and where it fails, as one HTML file.

    The file needs no network. Without --output or --json, the answers and the headline
    are printed: how much can go unattended, what to mend first and, with --against or
    --baseline, whether it's better. Brackets are 95 % bootstrap intervals.

    Example: python -m spacy longtail report training/model-best corpus/test.spacy
    --output report.html

    Example: python -m spacy longtail report v2 corpus/test.spacy --against v1
    --output report.html

    Example: python -m spacy longtail report training/model-best corpus/test.spacy
    --baseline --train corpus/train.spacy
    """
    from ..loading import load_pipeline, read_corpus
    from ..report import build_report, render_html

    _check_options(against, baseline, train)
    inputs = [path for path in (pipeline, corpus, against, train) if path is not None]
    before = look_at_page(output, *inputs, force=force, as_json=json)
    use_gpu(gpu_id)
    nlp = load_pipeline(pipeline)
    data = build_report(
        nlp,
        read_corpus(nlp, corpus),
        pipe=pipe,
        head=head,
        mid=mid,
        seed=seed,
        progress=PROGRESS,
        against=against,
        text=text,
        baseline=None if train is None else read_corpus(nlp, train),
        n_nearest=nearest,
    )
    render = partial(render_html, data)
    print_and_save(data, render, output, before, json, "report")


def _check_options(
    against: Optional[str], baseline: bool, train: Optional[Path]
) -> None:
    """RAISES (ValueError): L760 if it isn't clear what to compare with."""
    problem = ""
    if baseline and train is None:
        problem = "There is --baseline, but no --train."
    elif not baseline and train is not None:
        problem = "There is --train, but no --baseline."
    elif baseline and against is not None:
        problem = "There are both --against and --baseline."
    if problem:
        raise ValueError(JobErrors.L760.format(problem=problem))
