"""Each setting of a loss at the ends of its range, and beyond."""

import math

import numpy
import pytest
from spacy import registry

from spacy_longtail.settings import LEAST, MOST
from spacy_longtail.taxonomy import Taxonomy

TAXONOMY = Taxonomy(("a", "b", "c", "d"), (1, 2, 5, 100_000), n_docs=100_000)
Z = numpy.asarray([[90, -90, 0, 1], [0, 0, 0, 0], [-5, 60, 2, 1]], dtype="float32")
TRUTHS = numpy.eye(4, dtype="float32")[[1, 0, 3]]
JUST_BELOW_1 = math.nextafter(1.0, 0.0)
NOT_NEGATIVE, POSITIVE, SHARE = (0.0, MOST), (LEAST, MOST), (0.0, JUST_BELOW_1)
RANGES = [
    ("ClassBalanced", "beta", *SHARE),
    ("Focal", "gamma", *NOT_NEGATIVE),
    ("LDAM", "max_margin", *POSITIVE),
    ("LDAM", "scale", *POSITIVE),
    ("LogitAdjusted", "tau", *NOT_NEGATIVE),
    ("GeneralizedCrossEntropy", "q", 0.0, 1.0),
    ("GeneralizedCrossEntropy", "tau", *NOT_NEGATIVE),
    ("WeightedCrossEntropy", "power", *NOT_NEGATIVE),
    ("WeightedCrossEntropy", "cap", *POSITIVE),
    ("Asymmetric", "gamma_positive", *NOT_NEGATIVE),
    ("Asymmetric", "gamma_negative", *NOT_NEGATIVE),
    ("Asymmetric", "margin", *SHARE),
    ("DistributionBalanced", "alpha", *NOT_NEGATIVE),
    ("DistributionBalanced", "beta", *NOT_NEGATIVE),
    ("DistributionBalanced", "mu", -MOST, MOST),
    ("DistributionBalanced", "kappa", *NOT_NEGATIVE),
    ("DistributionBalanced", "scale", *POSITIVE),
    ("BinaryLogitAdjusted", "tau", *NOT_NEGATIVE),
    ("WeightedBinaryCrossEntropy", "power", *NOT_NEGATIVE),
    ("WeightedBinaryCrossEntropy", "cap", *POSITIVE),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("loss, name, least, most", RANGES)
def test_gradient_is_finite_or_the_setting_is_refused(loss, name, least, most):
    make = registry.losses.get(f"spacy-longtail.{loss}.v1")
    for value in (least, (least + most) / 2, most):
        others = {"cap": None} if name == "power" else {}
        found = make(**{name: value, **others})(TAXONOMY)
        gradient, nats = found(Z, TRUTHS)
        assert numpy.isfinite(gradient).all() and math.isfinite(nats)
        assert numpy.isfinite(found.log_prior).all()
    for value in (least - 1.0, 1e40, math.nan, 10**400):
        if name != "cap" or value < 0:
            with pytest.raises(ValueError, match=r"\[L10[2-9]\]"):
                make(**{name: value})
