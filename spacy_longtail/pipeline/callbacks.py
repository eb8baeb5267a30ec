from functools import partial
from typing import Any, Callable, Dict, Iterable, Optional

from spacy.language import Language
from spacy.training import Example

from ..errors import Errors
from ..fitting.thresholds import SMOOTHING
from ..ops import SLICE
from .factories import KINDS
from .textcat import TextCategorizer

# The component for documents with several labels.
NAME = next(kind.factory for kind in KINDS.values() if kind.allows_several)


def make_fit_thresholds(
    corpus: Callable[[Language], Iterable[Example]],
    component: str = NAME,
    precision: Optional[float] = None,
    smoothing: Optional[float] = SMOOTHING,
) -> Callable[[Language], Language]:
    """Fit the thresholds of a component before a pipeline is saved.

    Registered as "spacy-longtail.fit_thresholds.v1", for [training.before_to_disk]. It
    changes nothing that training depends on. The scores that training shows are with
    the thresholds of the last time, so that the best model should be chosen by a score
    without thresholds, longtail_macro_ap.

    corpus (Callable[[Language], Iterable[Example]]): Documents that aren't trained on.
    component (str): Name of the component.
    precision (Optional[float]): Wished precision, None for best F1.
    smoothing (Optional[float]): See thresholds.fit_thresholds.
    RETURNS (Callable[[Language], Language]): Changes a pipeline and returns it.
    """
    wish = {"precision": precision, "smoothing": smoothing}
    return partial(_fit_thresholds, corpus=corpus, component=component, **wish)


def _fit_thresholds(
    nlp: Language, *, corpus: Callable, component: str, **wish: Any
) -> Language:
    """RAISES (ValueError): L328 if there is no such component."""
    pipe = dict(nlp.pipeline).get(component)
    if not isinstance(pipe, TextCategorizer) or not pipe.kind.allows_several:
        raise ValueError(Errors.L328.format(name=component, found=nlp.pipe_names))
    examples = list(corpus(nlp))
    # A corpus without gold labels says nothing, and training has warned of it.
    tree = pipe.taxonomy
    golds = (pipe.kind.read_truths(eg, i, tree) for i, eg in enumerate(examples))
    if any((truths == 1).any() for truths in golds):
        # The batch is as large as cats with all labels are small.
        size = max(min(nlp.batch_size, SLICE // max(len(tree.leaves), 1)), 1)
        texts = (nlp.make_doc(eg.reference.text) for eg in examples)
        docs = nlp.pipe(texts, batch_size=size)
        pairs = zip(docs, examples)
        with pipe.kind.write_all_cats():
            # None is kept: with many labels the cats of a document are large.
            predicted = (Example(doc, eg.reference) for doc, eg in pairs)
            pipe.fit_thresholds(predicted, **wish)
    return _drop_unmeasured(nlp)


def make_drop_unmeasured() -> Callable[[Language], Language]:
    """Leave scores of nothing out of the meta of a pipeline before it is saved.

    Registered as "spacy-longtail.drop_unmeasured.v1", for [training.before_to_disk].
    Without tail labels there is no tail score, but spaCy writes 0.0 for it, and
    'spacy package' shows that in the model card. fit_thresholds does the same.

    RETURNS (Callable[[Language], Language]): Changes a pipeline and returns it.
    """
    return _drop_unmeasured


def _drop_unmeasured(nlp: Language) -> Language:
    known: Dict[str, bool] = {}
    for _, pipe in nlp.pipeline:
        known.update(getattr(pipe, "unmeasured", {}))
    performance = nlp.meta.get("performance", {})
    for key in performance.keys() & known.keys():
        if known[key]:
            del performance[key]
    return nlp
