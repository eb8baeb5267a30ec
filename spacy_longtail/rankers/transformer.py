import os
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

import numpy

from ..encoders.transformer.windows import Windows, batch_windows, get_limit
from ..errors import Errors


class Outputs(NamedTuple):
    """What a model gives for a batch of windows.

    output (Any): The output of the model, a row for each window.
    mask (Any): 1 for a word piece and 0 for padding, tensor of shape (windows, length).
    owners (numpy.ndarray): The text that each window is from, of shape (windows,).
    """

    output: Any
    mask: Any
    owners: numpy.ndarray


class LocalTransformer:
    """A frozen model of the transformers library, loaded when it is first needed.

    path (str): Folder, name on the hub, or name of an installed package that has the
        function get_model_path.
    kind (str): Class of the library that loads it, for example "AutoModel".
    ranker (str): Who needs it, for messages.
    device (Optional[str]): For example "cuda:0". None takes a GPU if spaCy uses one.
    """

    def __init__(
        self, path: str, kind: str, ranker: str, device: Optional[str] = None
    ) -> None:
        self.path = path
        self.kind = kind
        self.ranker = ranker
        self.device = device
        self._loaded: Optional[Tuple[Any, Any, Any]] = None
        self._process = 0

    def load(self) -> Tuple[Any, Any, Any]:
        """RETURNS (Tuple[Any, Any, Any]): torch, the tokenizer and the model.

        RAISES (ValueError): L401 without the libraries, L402 without the model.
        """
        if self._loaded is None:
            self._loaded = self._load()
            self._process = os.getpid()
        torch = self._loaded[0]
        if os.getpid() != self._process:
            # The threads of OpenMP don't survive a fork; waiting for them never ends.
            torch.set_num_threads(1)
            self._process = os.getpid()
        return self._loaded

    def _load(self) -> Tuple[Any, Any, Any]:
        try:
            import torch
            import transformers
        except ImportError as error:
            text = Errors.L401.format(ranker=self.ranker, path=self.path, error=error)
            raise ValueError(text) from None
        path = find_package(self.path) or self.path
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(path)
            model = getattr(transformers, self.kind).from_pretrained(path)
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error)[:200]}"
            text = Errors.L402.format(ranker=self.ranker, path=self.path, error=reason)
            raise ValueError(text) from None
        device: Any = self.device
        if device is None:
            from thinc.api import get_torch_default_device

            device = get_torch_default_device()
        return torch, tokenizer, model.eval().to(device)

    def run(
        self,
        texts: List[str],
        pairs: Optional[List[str]] = None,
        *,
        max_length: int,
    ) -> Iterator[Outputs]:
        """Run the model on texts, each with its pair. A text that is too long is read
        in windows that follow each other, each with the whole pair.

        max_length (int): Most word pieces of a window, its pair and special ones
            included. Less where the model can't read as many.
        YIELDS (Outputs): Of batches that bound the memory, however long the texts are.
        """
        torch, tokenizer, model = self.load()
        limit = get_limit(tokenizer, model.config, max_length)
        split = _split if tokenizer.is_fast else _split_slowly
        rows, owners = split(tokenizer, texts, pairs, limit)
        for batch in batch_windows(Windows([row["input_ids"] for row in rows], owners)):
            padded = _pad(tokenizer, [rows[i] for i in batch]).to(model.device)
            with torch.inference_mode():
                output = model(**padded)
            mask = padded["attention_mask"]
            yield Outputs(output, mask, numpy.asarray(owners)[batch])

    def check_pairs(self, pairs: Iterable[str], *, max_length: int) -> None:
        """RAISES (ValueError): L409 for one that leaves less than half to the text."""
        _, tokenizer, model = self.load()
        limit = get_limit(tokenizer, model.config, max_length)
        for pair in pairs:
            n_pieces = len(_get_pieces(tokenizer, pair))
            if n_pieces > limit // 2:
                text = Errors.L409.format(
                    ranker=self.ranker, text=pair[:60], n=n_pieces, limit=limit
                )
                raise ValueError(text)

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_loaded": None}


def _split(
    tokenizer: Any, texts: List[str], pairs: Optional[List[str]], limit: int
) -> Tuple[List[Dict[str, List[int]]], List[int]]:
    """RETURNS (Tuple[List[Dict[str, List[int]]], List[int]]): Windows, as the model's
    inputs by name, and their owners.
    """
    found = tokenizer(
        texts,
        pairs,
        truncation="only_first",
        max_length=limit,
        return_overflowing_tokens=True,
    )
    owners = found.pop("overflow_to_sample_mapping")
    names = list(found)
    return [dict(zip(names, row)) for row in zip(*found.values())], owners


def _split_slowly(
    tokenizer: Any, texts: List[str], pairs: Optional[List[str]], limit: int
) -> Tuple[List[Dict[str, List[int]]], List[int]]:
    """The same with a tokenizer that can't return what it cuts off."""
    windows, owners = [], []
    for owner, text in enumerate(texts):
        pieces, pair = _get_pieces(tokenizer, text), None
        length = limit - tokenizer.num_special_tokens_to_add(pair=pairs is not None)
        if pairs is not None:
            pair = _get_pieces(tokenizer, pairs[owner])
            length -= len(pair)
        for start in range(0, max(len(pieces), 1), length):
            part = pieces[start : start + length]
            windows.append(dict(tokenizer.prepare_for_model(part, pair)))
            owners.append(owner)
    return windows, owners


def _pad(tokenizer: Any, rows: List[Dict[str, List[int]]]) -> Any:
    # The advice to pad while a text is split doesn't fit windows.
    tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
    return tokenizer.pad(rows, return_tensors="pt")


def _get_pieces(tokenizer: Any, text: str) -> List[int]:
    return tokenizer.encode(text, add_special_tokens=False, verbose=False)


def find_package(path: str) -> Optional[str]:
    """RETURNS (Optional[str]): Folder of the model in an installed package."""
    import importlib.util

    if os.path.exists(path) or not path.replace("_", "a").isidentifier():
        return None
    if importlib.util.find_spec(path) is None:
        return None
    module = importlib.import_module(path)
    return str(module.get_model_path()) if hasattr(module, "get_model_path") else None
