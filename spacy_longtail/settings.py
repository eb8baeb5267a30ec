from .errors import Errors


def check_bound(layer: str, name: str, value: float) -> None:
    """Check that a setting is above 0.

    RAISES (ValueError): L201 if it isn't.
    """
    if not value > 0:
        text = Errors.L201.format(
            layer=layer, name=name, expected="above 0", value=value
        )
        raise ValueError(text)


def check_at_least(layer: str, name: str, value: float, least: float) -> None:
    """Check that a setting isn't below a bound.

    RAISES (ValueError): L201 if it is.
    """
    if not value >= least:
        expected = f"of at least {least:g}"
        text = Errors.L201.format(
            layer=layer, name=name, expected=expected, value=value
        )
        raise ValueError(text)


def check_share(layer: str, name: str, value: float) -> None:
    """Check that a setting is in [0.0, 1.0).

    RAISES (ValueError): L201 if it isn't.
    """
    if not 0.0 <= value < 1.0:
        expected = "of at least 0 and below 1"
        text = Errors.L201.format(
            layer=layer, name=name, expected=expected, value=value
        )
        raise ValueError(text)
