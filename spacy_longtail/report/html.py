from pathlib import Path
from typing import Any, Dict, Optional

from ..tuning.settings import MULTILABEL
from .plots import plot_coverage, plot_reliability, plot_tail, plot_tradeoff

TEMPLATES = Path(__file__).parent / "templates"


def render_html(data: Dict[str, Any]) -> str:
    """Turn a report into one HTML page that needs nothing else, and no network.

    data (Dict[str, Any]): What build_report returns.
    RETURNS (str): The page.
    RAISES (ValueError): L642 without matplotlib.
    """
    about = data["about"]
    plots = {"tail": plot_tail(data["labels"], about["head"], about["mid"])}
    if about["kind"] == MULTILABEL:
        # Nearly all pairs of a document and a label are in the first bin.
        plots["reliability"] = plot_reliability(data["reliability"], is_log=True)
        plots["tradeoff"] = plot_tradeoff(data["tradeoff"])
        return render("multilabel.html.jinja", data=data, plots=plots)
    plots["reliability"] = plot_reliability(data["reliability"])
    plots["coverage"] = plot_coverage(data["coverage"])
    return render("exclusive.html.jinja", data=data, plots=plots)


def render(template: str, **values: Any) -> str:
    """RETURNS (str): A template of this package with all values escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["figure"] = show_figure
    environment.filters["step"] = get_step
    return environment.get_template(template).render(**values)


def show_figure(value: Optional[float], digits: int = 3) -> str:
    """RETURNS (str): The number, or a dash without one."""
    return "–" if value is None else f"{value:.{digits}f}"


def get_step(value: Optional[float]) -> str:
    """RETURNS (str): Which colour an F1 has: "0" to "4", "none" without one."""
    return "none" if value is None else str(min(int(value * 5), 4))
