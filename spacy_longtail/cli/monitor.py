from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional

import typer
from spacy.cli._util import Arg, Opt

from .command import GPU, PIPE, PIPELINE, command, use_gpu
from .output import FORCE, PAGE, look_at_page, print_and_save

# Neither that of an error, 1, nor that of wrong options, 2.
DRIFTED = 3


# fmt: off
@command("monitor")
def monitor_cli(
    pipeline: str = PIPELINE,
    reference: Path = Arg(..., help="Texts of the reference period: a table, a folder of tables, a .spacy corpus, or what predict has written"),
    new: Path = Arg(..., help="Texts of the period to compare with it, likewise"),
    output: Optional[Path] = PAGE,
    *,
    fail_above: Optional[float] = Opt(None, "--fail-above", help="End with the exit code 3 if the drift is above it, from 0 to 1"),
    fail_on_alarm: bool = Opt(False, "--fail-on-alarm", help="End with the exit code 3 if there is any alarm"),
    rate: float = Opt(0.05, "--rate", help="Share of runs that may have a false alarm if nothing has changed"),
    least_change: float = Opt(0.2, "--least-change", help="By which part a share has to change for an alarm"),
    text: List[str] = Opt([], "--text", "-t", help="Column of the text; several are joined  [default: text, or what looks like it]"),
    pipe: Optional[str] = PIPE,
    seed: int = Opt(0, "--seed", help="Of what is drawn at random"),
    dialect: Dict[str, Any],
    gpu_id: int = GPU,
    force: bool = FORCE,
    json: bool = Opt(False, "--json", help="Print everything as JSON"),
) -> None:
    # fmt: on
    """
    Compare the texts of a period with earlier ones, without gold labels: which labels
    have become more or less frequent, what is hardly known, which words are new.

    Exit code 0: no drift was found, or none was asked about. 3: the drift is above
    --fail-above, or there is an alarm with --fail-on-alarm. 1 and 2 are errors.

    Example: python -m spacy longtail monitor training/model-best may.csv june.csv
    --output drift.html --fail-above 0.1
    """
    from ..monitor import monitor
    from ..monitor.drift import render_drift

    inputs = [pipeline, reference, new]
    before = look_at_page(output, *inputs, force=force, as_json=json)
    use_gpu(gpu_id)
    found = monitor(
        pipeline, reference, new, fail_above=fail_above, rate=rate,
        least_change=least_change, text=text, pipe=pipe, seed=seed, progress=True,
        **dialect,
    )  # fmt: skip
    print_and_save(found, partial(render_drift, found), output, before, json, "page")
    if found.has_drifted or fail_on_alarm and found.alarms:
        raise typer.Exit(DRIFTED)
