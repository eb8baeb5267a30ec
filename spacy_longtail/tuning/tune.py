from typing import Any, Callable, Dict, Iterable, Optional, Union

from spacy.language import Language
from spacy.training import Example

from ..evaluation.evidence import ProgressT
from .exclusive import tune_exclusive
from .multilabel.result import MultilabelTuning
from .multilabel.tune import tune_multilabel
from .performance import update_performance
from .result import Tuning
from .settings import EXCLUSIVE, MULTILABEL, Wish, find_pipe, get_kind

TUNERS: Dict[str, Callable[..., Any]] = {
    EXCLUSIVE: tune_exclusive,
    MULTILABEL: tune_multilabel,
}


def tune(
    nlp: Language,
    examples: Iterable[Example],
    wish: Optional[Wish] = None,
    *,
    pipe: Optional[str] = None,
    folds: int = 5,
    resamples: int = 1000,
    seed: int = 0,
    progress: ProgressT = iter,
) -> Union[Tuning, MultilabelTuning]:
    """Fit the settings of a trained pipeline on a dev corpus, and apply them to it.

    The model runs once over the corpus; prior, temperature and thresholds are array
    maths on what it finds. What can be wished, and what is fitted, depends on the kind
    of the component: see tune_exclusive and tune_multilabel. The scores of training in
    `nlp.meta["performance"]` are replaced or dropped.

    nlp (Language): The pipeline. Its settings are changed, its model isn't.
    examples (Iterable[Example]): With gold labels, not those of the training.
    wish (Optional[Wish]): What to tune for, by default macro-F1.
    pipe (Optional[str]): Name of the component, if there are several.
    folds (int): Parts of the corpus for cross-fitting, from 2.
    resamples (int): For the bootstrap intervals, from 1.
    progress (ProgressT): Wraps the examples, for example tqdm.
    RETURNS (Union[Tuning, MultilabelTuning]): Settings and scores, before and after.
    RAISES (ValueError): L510, L514 or L518 without anything to tune, L515 for a wish
        that can't be fulfilled with several labels per document.
    """
    name = find_pipe(nlp, pipe)
    result = TUNERS[get_kind(nlp, name)](
        nlp,
        name,
        examples,
        wish or Wish(),
        folds=folds,
        resamples=resamples,
        seed=seed,
        progress=progress,
    )
    is_same = result.after == result.before
    update_performance(nlp, result.scores, is_same=is_same)
    return result
