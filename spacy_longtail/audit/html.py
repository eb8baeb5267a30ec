"""An audit as one HTML file that needs nothing else."""

from pathlib import Path
from typing import Sequence

from ..presentation import open_figure, render
from .facts import Audit

TEMPLATE = Path(__file__).parent / "templates" / "audit.html.jinja"
FILTERS = {
    "count": "{:,}".format,
    "percent": "{:.1%}".format,
    "decimal": "{:,.1f}".format,
}
MAX_MISSING = 20
INK = "#123456"


def render_audit(facts: Audit) -> str:
    """RETURNS (str): The page.

    RAISES (ValueError): L642 if matplotlib isn't installed.
    """
    return render(
        TEMPLATE,
        filters=FILTERS,
        facts=facts,
        missing=facts.dev.missing[:MAX_MISSING] if facts.dev else [],
        curve=draw_frequencies(list(facts.counts.values())),
    )


def draw_frequencies(counts: Sequence[int]) -> str:
    """Draw the documents of each label over its rank, both on a log scale.

    counts (Sequence[int]): Descending.
    RETURNS (str): An SVG element in the colour of the text around it.
    RAISES (ValueError): L642 if matplotlib isn't installed.
    """
    settings = {"figure.constrained_layout.use": True}
    colours = {INK: "currentColor"}
    with open_figure("frequencies", (7.2, 3.2), colours=colours, settings=settings) as (
        figure,
        finish,
    ):
        axes = figure.add_subplot()
        axes.loglog(range(1, len(counts) + 1), counts, color=INK, linewidth=2)
        axes.set_xlabel("label, by frequency", color=INK)
        axes.set_ylabel("documents", color=INK)
        axes.grid(which="major", alpha=0.25, color=INK)
        axes.tick_params(which="both", colors=INK)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return finish()
