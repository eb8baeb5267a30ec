"""Which texts a component was trained on, and what to say if it's scored on them."""

import warnings
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set, Tuple
from weakref import WeakSet

from spacy.tokens import Doc
from spacy.training import Example

from ..errors import Warnings
from ..texts import Fingerprint

# From so many documents and such a share of known texts on, scores are too good. Some
# texts, like "thank you", are everywhere.
MIN_DOCS = 10
MIN_SHARE = 0.05
# While a pipeline is trained, it's scored again and again.
MAX_SAMPLE = 1000
AnnotatedT = Callable[[Example], bool]


class TrainingTexts:
    """The texts that a component was trained on, in all its trainings.

    fingerprint (Fingerprint): What is known of them.
    """

    def __init__(self, fingerprint: Optional[Fingerprint] = None) -> None:
        self.fingerprint = fingerprint or Fingerprint()
        # Training shows the same documents again and again, and to build a text takes
        # time.
        self._seen: "WeakSet[Doc]" = WeakSet()
        self._warned: Set[Tuple[str, int]] = set()

    def __reduce__(self) -> Any:
        return TrainingTexts, (self.fingerprint,)

    def add(
        self,
        examples: Iterable[Example],
        is_annotated: AnnotatedT = lambda example: True,
    ) -> None:
        """Add the texts of examples.

        is_annotated (AnnotatedT): Whether anything is learned from one.
        """
        new = [eg for eg in examples if eg.reference not in self._seen]
        if new:
            self._seen.update(eg.reference for eg in new)
            texts = (eg.predicted.text for eg in new if is_annotated(eg))
            self.fingerprint.add(texts)

    def forget(self) -> None:
        """Forget all texts, so that nobody can ask whether one was trained on."""
        self.fingerprint = Fingerprint()

    def count(self, docs: Iterable[Doc]) -> Optional[int]:
        """RETURNS (Optional[int]): How many of the documents have one of the texts, see
        Fingerprint. None if none is known, for example because an older version of
        this package trained the component.
        """
        if not self.fingerprint.n_texts:
            return None
        return self.fingerprint.count(doc.text for doc in docs)

    def warn(
        self,
        name: str,
        examples: List[Example],
        scores: Mapping[str, Any],
        is_annotated: AnnotatedT,
    ) -> None:
        """Warn once of a corpus that a component is scored on: if many of its texts
        were trained on, or if it has no gold label.

        name (str): Name of the component.
        scores (Mapping[str, Any]): What the scorer returned.
        is_annotated (AnnotatedT): Whether one has gold labels.
        """
        n_docs = len(examples)
        has_none = n_docs and scores.get("longtail_macro_f", 0.0) is None
        if has_none and not any(map(is_annotated, examples)):
            self._warn("LW506", Warnings.LW506.format(name=name, n_docs=n_docs), n_docs)
        if n_docs < MIN_DOCS or not scores or ("LW505", n_docs) in self._warned:
            return
        docs = [eg.predicted for eg in examples]
        sample = docs[:: -(-n_docs // MAX_SAMPLE)]
        if (self.count(sample) or 0) >= MIN_SHARE * len(sample):
            n_known = self.count(docs)
            text = Warnings.LW505.format(name=name, n_docs=n_docs, n_known=n_known)
            self._warn("LW505", text, n_docs)

    def _warn(self, code: str, text: str, n_docs: int) -> None:
        if (code, n_docs) not in self._warned:
            self._warned.add((code, n_docs))
            warnings.warn(text, stacklevel=4)

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): JSON values, by the key "trained_on" if any text is
        known.
        """
        known = self.fingerprint.n_texts
        return {"trained_on": self.fingerprint.to_dict()} if known else {}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], name: str) -> "TrainingTexts":
        """Read what to_dict returned, among other things.

        name (str): Name of the component, for messages.
        RAISES (ValueError): L652 if it's damaged.
        """
        # Older versions kept nothing.
        found = data.get("trained_on")
        return cls(None if found is None else Fingerprint.from_dict(found, name))
