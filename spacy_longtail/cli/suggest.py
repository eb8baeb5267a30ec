import shlex
from pathlib import Path
from typing import Any, Dict, List, Optional

from spacy.cli._util import Arg, Opt

from .command import (
    GPU,
    PIPE,
    PIPELINE,
    command,
    echo,
    print_remark,
    print_result,
    use_gpu,
)
from .output import FORCE


# fmt: off
@command("suggest")
def suggest_cli(
    pipeline: str = PIPELINE,
    pool: List[Path] = Arg(..., help="Unlabelled texts: files, folders or patterns of tables, or a .spacy corpus"),
    n: int = Opt(200, "--n", "-n", help="How many texts to suggest"),
    focus: str = Opt("tail", "--for", help="Labels that should gain: tail (fewer than 10 training texts), all, or a label or category"),
    output: Optional[Path] = Opt(None, "--output", "-o", help="Table to write, with an empty column for the labels: .csv, .tsv, .jsonl, .json, .parquet, .xlsx"),
    *,
    labelled: Optional[Path] = Opt(None, "--labelled", help="Corpus or table whose texts are labelled already, and left out"),
    text: List[str] = Opt([], "--text", "-t", help="Column of the text; several are joined  [default: text, or what looks like it]"),
    pipe: Optional[str] = PIPE,
    dialect: Dict[str, Any],
    gpu_id: int = GPU,
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the texts as JSON"),
) -> None:
    # fmt: on
    """
    Choose which unlabelled texts to label next, so that rare labels gain the most.

    Near-copies of each other are left out. The table that is written is what convert
    takes back when the labels are filled in.

    Example: python -m spacy longtail suggest training/model-best tickets.csv -n 200
    --for tail --labelled corpus --output to_label.csv
    """
    from ..loading import check_output
    from ..presentation import Remark
    from ..suggest import suggest
    from ..tables.whole import check_format, write_whole

    before = None
    if output is not None:
        check_format(output)
        inputs = [*pool, *([] if labelled is None else [labelled])]
        before = check_output(
            output, force=force, source=pipeline, inputs=inputs, is_file=True
        )
    use_gpu(gpu_id)
    found = suggest(
        pipeline, pool, n, focus, labelled=labelled, text=text, pipe=pipe,
        progress=True, **dialect,
    )  # fmt: skip
    if output is not None:
        write_whole(output, found.to_arrow(), before=before)
    print_result(found, json)
    if output is not None and not json:
        print_remark(Remark("good", f"Saved {len(found.rows):,} texts to {output}"))
        print_remark(Remark("text", "Fill in the labels, and put them into a corpus:"))
        is_corpus = labelled is not None and labelled.is_dir()
        corpus = str(labelled) if is_corpus else "corpus"
        names = [str(output), corpus, "--add", corpus]
        echo(shlex.join(["python", "-m", "spacy", "longtail", "convert", *names]))
