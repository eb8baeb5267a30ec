from functools import partial

from thinc.api import get_current_ops
from thinc.types import Floats2d

from ..errors import Errors
from ..settings import MOST
from ..taxonomy import Taxonomy
from .core import BuildLossT, TaxonomyCrossEntropy, get_log_prior


class LDAMLoss(TaxonomyCrossEntropy):
    """Cross-entropy with a margin on the gold label's logit, see make_ldam."""

    def __init__(self, taxonomy: Taxonomy, *, max_margin: float, scale: float) -> None:
        counts, ops = taxonomy.class_counts, get_current_ops()
        super().__init__(ops.asarray1f(get_log_prior(counts)))
        margins = scale * max_margin * (counts / counts.min()) ** -0.25
        self.margins = ops.asarray1f(margins)

    def _shift(self, Z: Floats2d, truths: Floats2d) -> Floats2d:
        return Z - truths * self.margins


def make_ldam(*, max_margin: float = 0.5, scale: float = 20.0) -> BuildLossT:
    """Ask for a larger margin the rarer a class is: subtract
    scale * max_margin * (n / smallest n) ** -0.25 from the gold label's logit.

    Registered as "spacy-longtail.LDAM.v1". Members of an Other have the margin of
    their mean count. What the component takes for the prior in the logits is that of
    the plain loss, so "uniform" favours the head somewhat.

    Source: Cao et al. (2019), "Learning Imbalanced Datasets with Label-Distribution-
        Aware Margin Loss", equations 11 and 13. https://arxiv.org/abs/1906.07413

    max_margin (float): Margin of the rarest class as a cosine, above 0.0.
    scale (float): Logits per unit of cosine, above 0.0: that of PrototypeSoftmax.
    RAISES (ValueError): L107 if one of them isn't a finite number above 0.0.
    """
    for name, value in (("max_margin", max_margin), ("scale", scale)):
        if not 0.0 < value <= MOST:
            raise ValueError(Errors.L107.format(name=name, value=value))
    return partial(LDAMLoss, max_margin=max_margin, scale=scale)
