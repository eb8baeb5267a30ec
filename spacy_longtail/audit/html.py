"""An audit as one HTML file that needs nothing else."""

from io import StringIO
from typing import Sequence

from ..errors import Errors
from .facts import Audit

MAX_MISSING = 20
# Any colour that nothing else in the drawing has.
INK = "#123456"


def render_html(facts: Audit) -> str:
    """RETURNS (str): The page.

    RAISES (ValueError): L642 if matplotlib isn't installed.
    """
    # Not every command needs it.
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("spacy_longtail", "audit/templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = "{:,}".format
    environment.filters["percent"] = "{:.1%}".format
    environment.filters["decimal"] = "{:,.1f}".format
    template = environment.get_template("audit.html.jinja")
    return template.render(
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
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError(Errors.L642) from None
    # With a salt and without metadata, the same facts give the same file.
    with rc_context({"svg.hashsalt": "spacy-longtail", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        axes = figure.add_subplot()
        axes.loglog(range(1, len(counts) + 1), counts, color=INK, linewidth=2)
        axes.set_xlabel("label, by frequency", color=INK)
        axes.set_ylabel("documents", color=INK)
        axes.grid(which="major", alpha=0.25, color=INK)
        axes.tick_params(which="both", colors=INK)
        for spine in axes.spines.values():
            spine.set_visible(False)
        file_ = StringIO()
        figure.savefig(file_, format="svg", transparent=True)
    start, _, rest = file_.getvalue().partition("<metadata>")
    svg = start[start.index("<svg") :] + rest.partition("</metadata>")[2]
    return svg.replace(INK, "currentColor")
