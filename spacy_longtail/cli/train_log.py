from typing import IO, Any, Callable, Dict, List, Optional, Tuple

from spacy.language import Language
from wasabi import row

from ..scoring.scorer import PREFIX

LogStepT = Callable[[Optional[Dict[str, Any]]], None]


def make_console_logger() -> Callable[..., Tuple[LogStepT, Callable[[], None]]]:
    """Print a row for each evaluation while a pipeline is trained.

    Registered as "spacy-longtail.ConsoleLogger.v1", for [training.logger]. Unlike
    spaCy's, it shows the names of scores in full, without "longtail_", and a dash where
    there is nothing to score, for example the tail where no label is rare.

    RETURNS (Callable): Called by 'spacy train'.
    """
    return _start


def _start(
    nlp: Language, stdout: IO[str], stderr: IO[str]
) -> Tuple[LogStepT, Callable[[], None]]:
    weights = nlp.config["training"]["score_weights"]
    scores = [key for key, weight in weights.items() if weight is not None]
    pipes = [n for n, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False)]
    losses = [f"loss {name}" if len(pipes) > 1 else "loss" for name in pipes]
    names = ["E", "#", *losses, *(key.removeprefix(PREFIX) for key in scores), "score"]
    widths = [max(len(name), 6) for name in names]

    def write(cells: List[str]) -> None:
        aligns: Any = ["r"] * len(cells)
        stdout.write(row(cells, widths=widths, aligns=aligns, spacing=2) + "\n")

    def log_step(info: Optional[Dict[str, Any]]) -> None:
        if info is None:
            return
        found = (info["other_scores"].get(key) for key in scores)
        write(
            [
                str(info["epoch"]),
                str(info["step"]),
                *(f"{info['losses'].get(name, 0.0):.2f}" for name in pipes),
                *("–" if value is None else f"{100 * value:.2f}" for value in found),
                f"{info['score']:.3f}",
            ]
        )

    write(names)
    write(["-" * width for width in widths])
    return log_step, lambda: None
