from typing import Any, Callable, Dict, Iterable, Optional

from spacy.language import Language
from spacy.training import Example

from ..errors import Errors
from ..evaluation.evidence import ProgressT
from ..tuning.settings import EXCLUSIVE, MULTILABEL, find_pipe, get_kind
from .exclusive import build_exclusive_report
from .multilabel.data import build_multilabel_report

BUILDERS: Dict[str, Callable[..., Dict[str, Any]]] = {
    EXCLUSIVE: build_exclusive_report,
    MULTILABEL: build_multilabel_report,
}


def build_report(
    nlp: Language,
    examples: Iterable[Example],
    *,
    pipe: Optional[str] = None,
    head: int = 50,
    mid: int = 10,
    resamples: int = 1000,
    seed: int = 0,
    progress: ProgressT = iter,
) -> Dict[str, Any]:
    """Find out how well a pipeline does on a corpus, and where it fails.

    examples (Iterable[Example]): With gold labels.
    pipe (Optional[str]): Name of the component, if there are several.
    head, mid (int): Fewest training documents of a head and of a mid label.
    resamples (int): For the bootstrap intervals.
    progress (ProgressT): Wraps the examples, for example tqdm.
    RETURNS (Dict[str, Any]): JSON values, for render_html. What they are depends on
        the kind of the component, which is in "about": see build_exclusive_report and
        build_multilabel_report.
    RAISES (ValueError): L501 if head or mid is out of range, L510, L514 or L518 without
        anything to report.
    """
    if not 1 <= mid < head:
        raise ValueError(Errors.L501.format(head=head, mid=mid))
    name = find_pipe(nlp, pipe)
    return BUILDERS[get_kind(nlp, name)](
        nlp,
        name,
        examples,
        head=head,
        mid=mid,
        resamples=resamples,
        seed=seed,
        progress=progress,
    )
