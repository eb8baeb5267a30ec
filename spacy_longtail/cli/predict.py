import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Optional

import typer
from spacy.cli._util import Arg, Opt

from ..errors import Errors
from .command import GPU, PIPE, PIPELINE, command, print_result, use_gpu, warn
from .output import FORCE, is_stdout

GOES_ON = "Stopped. The same command goes on with what is missing."


# fmt: off
@command("predict")
def predict_cli(
    pipeline: str = PIPELINE,
    inputs: List[Path] = Arg(..., help="Files, or folders or patterns of files with the same columns: .csv, .tsv, .jsonl, .json, .parquet, .xlsx; - for stdin", allow_dash=True),
    output: Path = Opt(..., "--output", "-o", help="File to write, whose suffix is the format, or a name without suffix for a folder of shards; - for stdout", allow_dash=True),
    *,
    text: List[str] = Opt([], "--text", "-t", help="Column of the text; several are joined  [default: text, or what looks like it]"),
    pipe: Optional[str] = PIPE,
    top: int = Opt(3, "--top", help="How many candidates to write"),
    several: Optional[bool] = Opt(None, "--several/--no-several", help="Whether to write all labels of a row as a list  [default: if there can be several]"),
    prefix: Optional[str] = Opt(None, "--prefix", help="Before the names of the new columns  [default: none, or predicted_ if one is taken]"),
    two_phases: bool = Opt(False, "--two-phases/--one-phase", help="Run the second stage after the first one has seen all rows, evenly spread; the result is the same"),
    n_process: int = Opt(1, "--n-process", "-n", help="How many processes load the pipeline"),
    shard_size: Optional[int] = Opt(None, "--shard-size", help="Rows that are written at a time, and done again if the run is killed. By default 10,000, or a 16th of a smaller table"),
    format: Optional[str] = Opt(None, "--format", help="Of shards or stdout: csv, tsv, jsonl or parquet  [default: parquet, or that of the input]"),
    input_format: Optional[str] = Opt(None, "--input-format", help="Of stdin  [default: what it looks like]"),
    review: Optional[Path] = Opt(None, "--review", help="Table to write for a person: rows without a label, the most useful first; 'convert --add' takes it back when labels are filled in"),
    review_precision: Optional[float] = Opt(None, "--review-precision", help="Review also labels, until so many of the others should be right, for example 0.95"),
    review_rows: int = Opt(10_000, "--review-rows", help="Rows to review, at most"),
    dialect: Dict[str, Any],
    gpu_id: int = GPU,
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print the summary as JSON"),
) -> None:
    # fmt: on
    """
    Label the rows of a table, and write it with all of its columns and the labels.

    A row that can't be labelled says why in the column error. What is done is kept in
    OUTPUT.parts until all is: if the run is stopped or killed, the same command goes on.

    Example: python -m spacy longtail predict training/model-best new.csv
    --output labelled.csv --text body
    """
    from ..batch import predict
    from ..loading import is_stream

    to_stdout = is_stdout(output)
    if to_stdout and json:
        raise ValueError(Errors.L609.format(output=output))
    use_gpu(gpu_id)
    with ExitStack() as stack:
        place: Any = get_buffer(sys.stdout) if to_stdout else output
        if not to_stdout and is_stream(output):
            place = stack.enter_context(output.open("wb"))
        source: Any = inputs
        if [*map(str, inputs)] == ["-"]:
            source = get_buffer(sys.stdin)
        elif len(inputs) == 1 and is_stream(inputs[0]):
            source = stack.enter_context(inputs[0].open("rb"))
        try:
            result = predict(
                pipeline, source, place, text=text, pipe=pipe, top=top,
                several=several, prefix=prefix, two_phases=two_phases,
                format=format, input_format=input_format, shard_size=shard_size,
                n_process=n_process, gpu_id=gpu_id, review=review,
                review_precision=review_precision, review_rows=review_rows,
                force=force, progress=True,
                **dialect,
            )
        except KeyboardInterrupt:
            can_go_on = place is output and source is inputs
            warn(GOES_ON if can_go_on else "Stopped.")
            raise typer.Exit(130) from None
    if to_stdout:
        for remark in result.remarks():
            warn(remark.text)
    else:
        print_result(result, json)


def get_buffer(stream: Any) -> Any:
    """RETURNS (BinaryIO): The bytes of stdin or stdout.

    RAISES (ValueError): L605 if the shell has closed it.
    """
    if stream is None:
        raise ValueError(Errors.L605.format(problem="stdin or stdout is closed"))
    return stream.buffer
