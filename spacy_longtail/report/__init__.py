from .build import build_report
from .html import render_html

__all__ = ["build_report", "render_html"]
