from functools import partial
from pathlib import Path
from typing import Optional

from spacy.cli._util import Arg, Opt

from .command import GPU, PIPE, PIPELINE, PROGRESS, command, use_gpu
from .output import FORCE, PAGE, look_at_page, print_and_save


# fmt: off
@command("report")
def report_cli(
    pipeline: str = PIPELINE,
    corpus: Path = Arg(..., help="Corpus with gold labels: a .spacy file or a folder of them"),
    output: Optional[Path] = PAGE,
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

    The file needs no network. Without --output or --json, only the headline is
    printed. Brackets are 95 % bootstrap intervals.

    Example: python -m spacy longtail report training/model-best corpus/test.spacy
    --output report.html
    """
    from ..loading import load_pipeline, read_corpus
    from ..report import build_report, render_html

    before = look_at_page(output, pipeline, corpus, force=force, as_json=json)
    use_gpu(gpu_id)
    nlp = load_pipeline(pipeline)
    examples = read_corpus(nlp, corpus)
    data = build_report(
        nlp, examples, pipe=pipe, head=head, mid=mid, seed=seed, progress=PROGRESS
    )
    render = partial(render_html, data)
    print_and_save(data, render, output, before, json, "report")
