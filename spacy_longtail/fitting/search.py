from typing import Callable

GOLDEN = (5.0**0.5 - 1.0) / 2.0


def search(
    function: Callable[[float], float], low: float, high: float, tolerance: float
) -> float:
    """Find where a function with one minimum is lowest, by golden sections.

    Source: Kiefer 1953, "Sequential Minimax Search for a Maximum".
        https://doi.org/10.2307/2032161

    low, high (float): Where to look.
    tolerance (float): How far off the result may be.
    RETURNS (float): Between them.
    """
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    values = function(left), function(right)
    while high - low > tolerance:
        if values[0] <= values[1]:
            high, right = right, left
            left = high - GOLDEN * (high - low)
            values = function(left), values[0]
        else:
            low, left = left, right
            right = low + GOLDEN * (high - low)
            values = values[1], function(right)
    return (low + high) / 2
