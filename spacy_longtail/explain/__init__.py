from .explain import explain
from .html import render_explanation

__all__ = ["explain", "render_explanation"]
