from dataclasses import dataclass
from functools import cached_property
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy
from thinc.api import get_torch_default_device

from ..encoders.transformer.windows import (
    batch_windows,
    get_limit,
    get_pieces,
    split_windows,
)
from ..errors import Errors
from ..vectors.local_model import find_model, survive_fork


@dataclass(eq=False)
class LocalTransformer:
    """A frozen model of the transformers library, loaded when it is first needed.

    path (str): See find_model.
    kind (str): Class of the library that loads it, for example "AutoModel".
    ranker (str): Who needs it, for messages.
    device (Optional[str]): For example "cuda:0". None takes a GPU if spaCy uses one.
    """

    path: str
    kind: str
    ranker: str
    device: Optional[str] = None

    def load(self) -> Tuple[Any, Any, Any]:
        """RETURNS (Tuple[Any, Any, Any]): torch, the tokenizer and the model.

        RAISES (ValueError): L401 without the libraries, L402 without the model.
        """
        survive_fork()
        return self._loaded

    @cached_property
    def _loaded(self) -> Tuple[Any, Any, Any]:
        try:
            import torch
            import transformers
        except ImportError as error:
            text = Errors.L401.format(ranker=self.ranker, path=self.path, error=error)
            raise ValueError(text) from None
        path = find_model(self.path)
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(path)
            model = getattr(transformers, self.kind).from_pretrained(path)
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error)[:200]}"
            text = Errors.L402.format(ranker=self.ranker, path=self.path, error=reason)
            raise ValueError(text) from None
        device = get_torch_default_device() if self.device is None else self.device
        return torch, tokenizer, model.eval().to(device)

    def run(
        self, texts: List[str], pairs: Optional[List[str]] = None, *, max_length: int
    ) -> Iterator[Tuple[Any, Any, numpy.ndarray]]:
        """Run the model on texts, each with its pair. A text that is too long is read
        in windows that follow each other, each with the whole pair.

        max_length (int): Most word pieces of a window, its pair and special ones
            included. Less where the model can't read as many.
        YIELDS (Tuple[Any, Any, numpy.ndarray]): Of batches that bound the memory,
            however long the texts are, the output of the model, a row for each window;
            1 for a word piece and 0 for padding, a tensor of shape (windows, length);
            and the text that each window is from, of shape (windows,).
        """
        torch, tokenizer, model = self.load()
        limit = get_limit(tokenizer, model.config, max_length)
        windows = split_windows(tokenizer, texts, limit, pairs)
        # The advice to pad while a text is split doesn't fit windows.
        tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
        for batch in batch_windows(windows):
            rows = [windows.rows[i] for i in batch]
            padded = tokenizer.pad(rows, return_tensors="pt").to(model.device)
            with torch.inference_mode():
                output = model(**padded)
            owners = numpy.asarray(windows.owners)[batch]
            yield output, padded["attention_mask"], owners

    def check_pairs(self, pairs: Iterable[str], *, max_length: int) -> None:
        """RAISES (ValueError): L409 for one that leaves less than half to the text."""
        _, tokenizer, model = self.load()
        limit = get_limit(tokenizer, model.config, max_length)
        for pair in pairs:
            n_pieces = len(get_pieces(tokenizer, pair))
            if n_pieces > limit // 2:
                text = Errors.L409.format(
                    ranker=self.ranker, text=pair[:60], n=n_pieces, limit=limit
                )
                raise ValueError(text)

    def __getstate__(self) -> Dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_loaded"}
