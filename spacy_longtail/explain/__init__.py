from .explain import explain, render_explanation

__all__ = ["explain", "render_explanation"]
