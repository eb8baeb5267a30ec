import os
from typing import Any, Dict, Optional, Tuple

from ..errors import Errors


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

    def run(self, texts: Any, pairs: Any = None, *, max_length: int) -> Tuple[Any, Any]:
        """RETURNS (Tuple[Any, Any]): What the model gives, and the attention mask."""
        torch, tokenizer, model = self.load()
        batch = tokenizer(
            texts,
            pairs,
            padding=True,
            truncation=True,
            max_length=max_length,
            return_tensors="pt",
        ).to(model.device)
        with torch.inference_mode():
            return model(**batch), batch["attention_mask"]

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_loaded": None}


def find_package(path: str) -> Optional[str]:
    """RETURNS (Optional[str]): Folder of the model in an installed package."""
    import importlib.util

    if os.path.exists(path) or not path.replace("_", "a").isidentifier():
        return None
    if importlib.util.find_spec(path) is None:
        return None
    module = importlib.import_module(path)
    return str(module.get_model_path()) if hasattr(module, "get_model_path") else None
