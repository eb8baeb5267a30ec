"""Many rows are predicted with and saved in 16 bits.

With tens of thousands of labels nearly all that is saved are the rows. Training keeps
them in full precision, and their start apart from what is learned. What is saved is
what predicts, so that it predicts the same once it's loaded; training that goes on
starts there.
"""

from typing import Any, Dict

from thinc.api import Model

FULL, HALF = 32, 16
LARGEST = 65504.0
# Numbers in the rows from which on half of the bits are enough.
MANY = 1 << 22


def choose_bits(n_numbers: int) -> int:
    """RETURNS (int): How many bits a number of so many in the rows should have."""
    return HALF if n_numbers >= MANY else FULL


def round_rows(W: Any, bits: int) -> Any:
    """RETURNS (Any): The rows in so many bits, but as numbers of 32. All stay as they
    are if one is too large for that.
    """
    if bits == FULL or not _fits(W):
        return W
    return W.astype("float16").astype(W.dtype)


def shrink(model: Model, params: Dict[str, Any]) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): The parameters of a layer as they are saved."""
    if model.attrs["row_bits"] == FULL or params["start"] is None:
        return params
    W = params["start"] + model.attrs["learn_rate"] * params["D"]
    return {**params, "start": W.astype("float16") if _fits(W) else W, "D": None}


def expand(model: Model) -> None:
    """Let a layer that was loaded have all its parameters."""
    if model.has_param("start") and not model.has_param("D"):
        start: Any = model.ops.asarray(model.get_param("start"), dtype="float32")
        model.set_param("start", start)
        model.set_param("D", model.ops.alloc2f(*start.shape))


def _fits(W: Any) -> bool:
    return bool(-LARGEST <= W.min() and W.max() <= LARGEST)
