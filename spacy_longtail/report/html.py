from pathlib import Path
from typing import Any, Callable, Dict, Optional

from ..pages import render
from .plots import CURVES, plot_curve, plot_reliability, plot_tail

TEMPLATES = Path(__file__).parent / "templates"


def render_html(data: Dict[str, Any]) -> str:
    """Turn a report into one HTML page that needs nothing else, and no network.

    data (Dict[str, Any]): What build_report returns.
    RETURNS (str): The page.
    RAISES (ValueError): L642 without matplotlib.
    """
    about = data["about"]
    plots = {
        "tail": plot_tail(data["labels"], about["head"], about["mid"]),
        "reliability": plot_reliability(data["reliability"]),
        **{key: plot_curve(key, data[key]) for key in CURVES if key in data},
    }
    template = TEMPLATES / f"{about['labels']}.html.jinja"
    filters: Dict[str, Callable[..., str]] = {"step": get_step, "capital": show_title}
    return render(template, filters=filters, data=data, plots=plots)


def get_step(value: Optional[float]) -> str:
    """RETURNS (str): Which colour an F1 has: "0" to "4", "none" without one."""
    return "none" if value is None else str(min(int(value * 5), 4))


def show_title(title: str) -> str:
    """RETURNS (str): With a capital at the start, unless it has others, like nDCG."""
    return title if title[1:2].isupper() else title[:1].upper() + title[1:]
