from functools import partial
from typing import (
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    cast,
)

import numpy
import srsly
from spacy.tokens import Doc
from thinc.api import Model, Optimizer
from thinc.shims import Shim
from thinc.types import Floats2d

from ...errors import Errors
from ...ops import get_idf
from ...saved import check_fields, read_array, read_msgpack, refuse
from ...settings import check_at_least, check_bound, check_share
from ...vectors.table import quantize
from .reader import KnownTerms, TermReader, Terms, Weighted
from .ridge import (
    Postings,
    calibrate,
    fit_dual,
    get_largest_weights,
    multiply,
    multiply_codes,
    transpose,
)
from .svm import fit_svms

RIDGE, SVM = "TermRidge", "TermSVM"
FORMAT = 1
BATCH_SIZE = 256
# Weights that are kept one beside another, zeros among them: 64 MB. If there are more,
# only those that aren't zero.
MAX_CELLS = 64_000_000
# Terms in a larger share of the documents tell little, and cost most.
MAX_DOC_SHARE = 0.2
TermsT = Model[List[Doc], Floats2d]
# Of what is saved: the type of the numbers, and which of the sizes they have.
ARRAYS = {
    "keys": ("uint64", "terms"),
    "idf": ("float32", "terms"),
    "sizes": ("int32", "terms"),
    "columns": ("int32", "weights"),
    "codes": ("int8", "weights"),
    "scales": ("float32", "leaves"),
    "bias": ("float32", "leaves"),
    "is_known": ("int8", "leaves"),
}


def build_term_ridge(
    *,
    share: float = 0.6,
    penalty: float = 0.2,
    min_count: int = 2,
    max_weights: int = 1000,
    max_docs: int = 8000,
) -> TermsT:
    """Build a linear model of words, pairs of words and character n-grams, weighted by
    tf-idf, that is added to the logits of a text categorizer.

    It isn't trained with the pipeline, but solved when that is initialized: a ridge
    regression of each label, of which the largest weights are kept in 8 bits. Its
    scores are made logits by what it says of each training document without having
    seen it. It is at its best where labels are many and rare, and vectors know little
    of the language.

    Registered as "spacy-longtail.TermRidge.v1".

    Source: ridge regression of labels after Hoerl & Kennard (1970), "Ridge Regression:
        Biased Estimation for Nonorthogonal Problems", in its dual form after Saunders
        et al. (1998), "Ridge Regression Learning Algorithm in Dual Variables".

    share (float): Its share of the logits, from 0.0 to below 1.0.
    penalty (float): That of the regression, above 0.0.
    min_count (int): Training documents that a term has to be in, from 1.
    max_weights (int): Most weights of a label, from 1.
    max_docs (int): Most training documents, from 2: time and memory grow with their
        square, and more.
    RETURNS (Model[List[Doc], Floats2d]): Documents to logits over the leaves.
    RAISES (ValueError): L201 if a setting is out of range.
    """
    check_bound(RIDGE, "penalty", penalty)
    check_at_least(RIDGE, "max_weights", max_weights, 1)
    model = _build(RIDGE, _regress, share, min_count, max_docs)
    model.attrs.update(penalty=penalty, max_weights=max_weights)
    return model


def build_term_svm(
    *,
    share: float = 0.2,
    cost: float = 2.0,
    scale: float = 10.0,
    min_count: int = 2,
    max_weights: int = 1_000_000,
    max_docs: int = 200_000,
) -> TermsT:
    """Build a linear model of words, pairs of words and character n-grams, weighted by
    tf-idf, that is added to the logits of a text categorizer whose labels exclude each
    other.

    It isn't trained with the pipeline, but solved when that is initialized: a support
    vector machine for each label, of which the largest weights are kept in 8 bits. What
    a tokenizer leaves together, as in "Kaufmann/-frau", is read word by word. A
    document whose gold label leaves open which of several leaves it has says nothing
    about those. It is at its best where there are many words that the vectors don't
    know, and gold labels are often in doubt.

    Registered as "spacy-longtail.TermSVM.v1". For the source, see fit_svms.

    share (float): Its share of the logits, from 0.0 to below 1.0. `tune` finds the
        best one.
    cost (float): See fit_svms, above 0.0.
    scale (float): What its margins are multiplied by to be logits, above 0.0.
    min_count (int): Training documents that a term has to be in, from 1.
    max_weights (int): Most weights of all labels together, from 1: each has the same
        share of them, but at least one.
    max_docs (int): Most training documents, from 2: they are kept in memory until it
        is fitted.
    RETURNS (Model[List[Doc], Floats2d]): Documents to logits over the leaves.
    RAISES (ValueError): L201 if a setting is out of range.
    """
    check_bound(SVM, "cost", cost)
    check_bound(SVM, "scale", scale)
    check_at_least(SVM, "max_weights", max_weights, 1)
    model = _build(SVM, _separate, share, min_count, max_docs)
    model.attrs.update(cost=cost, scale=scale, max_weights=max_weights, one_label=True)
    model.attrs["reader"] = TermReader(splits=True)
    return model


def _build(
    name: str, solve: Callable, share: float, min_count: int, max_docs: int
) -> TermsT:
    check_share(name, "share", share)
    check_at_least(name, "min_count", min_count, 1)
    check_at_least(name, "max_docs", max_docs, 2)
    attrs: Dict[str, Any] = {
        "share": share,
        "min_count": min_count,
        "max_docs": max_docs,
        "reader": TermReader(),
        "fit": partial(fit_layer, solve=solve),
        "blend": blend_logits,
        "remix": remix_logits,
        "shift": add_bias,
    }
    return Model("term_ridge", forward, attrs=attrs, shims=[WeightTable()])


class Solved(NamedTuple):
    """A linear model.

    weights, terms (numpy.ndarray): The largest weights of each label, and the term of
        each, ascending; both of shape (labels, weights).
    slope (float): What the sums of weights are multiplied by to be logits.
    bias (numpy.ndarray): Added to the logits, of shape (labels,).
    """

    weights: numpy.ndarray
    terms: numpy.ndarray
    slope: float
    bias: numpy.ndarray


class WeightTable(Shim):
    """The weights of terms, by term, for all leaves.

    arrays (Dict[str, numpy.ndarray]): Keys of the terms, ascending, their inverse
        document frequency, how many weights each has, whose label is in "columns". A
        weight is its code times the scale of its label. "is_known" is 0 for labels
        without a training document.
    """

    def __init__(self) -> None:
        super().__init__(None)
        self.set({name: numpy.zeros(0, dtype) for name, (dtype, _) in ARRAYS.items()})

    def set(self, arrays: Dict[str, numpy.ndarray]) -> None:
        self.arrays = arrays
        self.known = KnownTerms(arrays["keys"], arrays["idf"])
        self.codes: Optional[numpy.ndarray] = None
        self.postings: Optional[Postings] = None
        sizes, n_leaves = arrays["sizes"].astype("int64"), len(arrays["scales"])
        columns = arrays["columns"].astype("int64")
        if len(sizes) * n_leaves <= MAX_CELLS:
            self.codes = numpy.zeros((len(sizes), n_leaves), dtype="int8")
            owners = numpy.arange(len(sizes)).repeat(sizes)
            self.codes[owners, columns] = arrays["codes"]
            return
        starts = numpy.cumsum(sizes) - sizes
        values = arrays["codes"] * arrays["scales"][columns]
        self.postings = Postings(starts, sizes, columns, values, n_leaves)

    def multiply(self, X: Weighted, n_docs: int) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): Vectors times weights, (docs, leaves)."""
        if self.postings is not None:
            return multiply(X, n_docs, self.postings)
        return multiply_codes(X, n_docs, self.codes, self.arrays["scales"])

    def finish_update(self, optimizer: Optimizer) -> None:
        """It is fitted, not trained."""

    def to_bytes(self) -> bytes:
        msg: Dict[str, Any] = {"format": FORMAT}
        for name, (dtype, _) in ARRAYS.items():
            msg[name] = self.arrays[name].astype(dtype).tobytes()
        return srsly.msgpack_dumps(msg)

    def from_bytes(self, data: bytes) -> "WeightTable":
        """RAISES (ValueError): L204 if a newer version wrote it, L361 if it can't be
        what was written.
        """
        msg = read_msgpack(data)
        kinds: Dict[str, Any] = {"format": int, **dict.fromkeys(ARRAYS, bytes)}
        check_fields(msg, kinds, "the weights of terms")
        if msg["format"] > FORMAT:
            text = Errors.L204.format(found=msg["format"], known=FORMAT)
            raise ValueError(text)
        sizes = {"terms": len(msg["keys"]) // 8, "weights": len(msg["codes"])}
        sizes["leaves"] = len(msg["is_known"])
        found = {
            name: read_array(msg[name], dtype, (sizes[size],), repr(name)).copy()
            for name, (dtype, size) in ARRAYS.items()
        }
        keys, columns = found["keys"], found["columns"]
        if (keys[1:] <= keys[:-1]).any() or (found["sizes"] < 0).any():
            refuse("its terms aren't in order")
        if int(found["sizes"].sum(dtype="int64")) != sizes["weights"]:
            refuse("its terms have other weights")
        if len(columns) and not 0 <= columns.min() <= columns.max() < sizes["leaves"]:
            refuse("a weight is that of no label")
        self.set(found)
        return self

    def to_device(self, device_type: str, device_id: int) -> None:
        """It stays in main memory."""


def forward(
    model: TermsT, docs: List[Doc], is_train: bool
) -> Tuple[Floats2d, Callable]:
    table = cast(WeightTable, model.shims[0])
    X = table.known.count_and_weigh(*model.attrs["reader"].find(docs))
    Y = table.multiply(X, len(docs)) + table.arrays["bias"]
    is_known = table.arrays["is_known"] > 0
    if model.attrs.get("one_label") and is_known.any() and not is_known.all():
        # Where labels exclude each other, nothing said would be a lot said for it.
        known = is_known.astype("float32")
        # Not by a BLAS, whose sums depend on the batch.
        means = numpy.einsum("ij,j->i", Y, known) / known.sum()
        Y[:, ~is_known] = means[:, None]
    return model.ops.asarray2f(Y), lambda dY: docs


def get_shares(model: TermsT, share: float) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The share of the terms in each leaf's logit, (leaves,).
    A label without a training document is left to the trained part, unless labels
    exclude each other: then the terms' logit of the mean label is its.
    """
    is_known = cast(WeightTable, model.shims[0]).arrays["is_known"]
    if model.attrs.get("one_label"):
        is_known = numpy.full_like(is_known, is_known.any())
    return (share * is_known).astype("float32")


def blend_logits(
    model: TermsT, docs: List[Doc], logits: numpy.ndarray
) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Logits, float32 array of shape (docs, leaves)."""
    shares = get_shares(model, model.attrs["share"])
    if not shares.any():
        return logits
    found = model.ops.to_numpy(model.predict(docs))
    return logits * (numpy.float32(1.0) - shares) + found * shares


def remix_logits(
    model: TermsT, own: numpy.ndarray, logits: numpy.ndarray, share: float
) -> numpy.ndarray:
    """Find what logits would be with another share of the terms.

    own (numpy.ndarray): What the terms find, of shape (docs, leaves).
    logits (numpy.ndarray): With the present share, same shape.
    share (float): From 0.0 to below 1.0.
    RETURNS (numpy.ndarray): float32 array, same shape.
    """
    now, wanted = (get_shares(model, s) for s in (model.attrs["share"], share))
    return logits + (own - logits) * ((wanted - now) / (numpy.float32(1.0) - now))


def add_bias(model: TermsT, shift: numpy.ndarray) -> None:
    arrays = cast(WeightTable, model.shims[0]).arrays
    arrays["bias"] = (arrays["bias"] + shift).astype("float32")


def fit_layer(
    model: TermsT,
    docs: Sequence[Doc],
    truths: numpy.ndarray,
    log_odds: numpy.ndarray,
    *,
    solve: Callable[..., Solved],
) -> None:
    """Fit the weights, so that the logits are those under a uniform prior.

    truths (numpy.ndarray): 1.0, 0.0 or NaN for what isn't known, (docs, leaves).
    log_odds (numpy.ndarray): Those of the prior of each leaf, (leaves,).
    """
    attrs, table = model.attrs, cast(WeightTable, model.shims[0])
    terms = _read_all(attrs["reader"], docs)
    keys, counts = numpy.unique(terms.keys, return_counts=True)
    most = max(MAX_DOC_SHARE * len(docs), attrs["min_count"])
    is_used = (counts >= attrs["min_count"]) & (counts <= most)
    keys, counts = keys[is_used], counts[is_used]
    idf = get_idf(counts, len(docs))
    arrays = {"keys": keys, "idf": idf.astype("float32")}
    nothing = numpy.zeros((truths.shape[1], 1))
    solved = Solved(nothing, nothing, 0.0, -log_odds)
    is_known = nothing[:, 0]
    if attrs.get("one_label"):
        # A document without a gold label says nothing.
        is_labelled = (truths != 0.0).any(axis=1, keepdims=True)
        truths = numpy.where(is_labelled, truths, numpy.nan)
    if len(keys) and (truths == 1.0).any():
        is_known = (truths == 1.0).any(axis=0)
        X = KnownTerms(keys, idf).weigh(terms)
        solved = solve(attrs, X, len(keys), truths, log_odds)
    codes, scales = quantize(solved.weights)
    rows, places = numpy.nonzero(codes)
    columns = solved.terms[rows, places].astype("int64")
    order = numpy.argsort(columns, kind="stable")
    table.set(
        {
            **arrays,
            "sizes": numpy.bincount(columns, minlength=len(keys)).astype("int32"),
            "columns": rows[order].astype("int32"),
            "codes": codes[rows, places][order],
            "scales": (scales * solved.slope).astype("float32"),
            "bias": solved.bias.astype("float32"),
            "is_known": is_known.astype("int8"),
        }
    )


def _regress(
    attrs: Dict[str, Any],
    X: Weighted,
    n_terms: int,
    truths: numpy.ndarray,
    log_odds: numpy.ndarray,
) -> Solved:
    """A ridge regression of each label. Its logits are those under a uniform prior."""
    is_yes, is_given = truths == 1.0, ~numpy.isnan(truths)
    # What isn't known is as it is on average.
    means = is_yes.sum(axis=0) / numpy.maximum(is_given.sum(axis=0), 1)
    Y = numpy.where(is_given, is_yes - means, 0.0).astype("float32")
    postings = transpose(X, len(truths), n_terms)
    duals, held_out = fit_dual(X, postings, Y, attrs["penalty"])
    slope, share, constant = calibrate(held_out, truths, log_odds)
    largest = get_largest_weights(postings, duals, attrs["max_weights"])
    return Solved(*largest, slope, constant + (share - 1.0) * log_odds)


def _separate(
    attrs: Dict[str, Any],
    X: Weighted,
    n_terms: int,
    truths: numpy.ndarray,
    log_odds: numpy.ndarray,
) -> Solved:
    """A support vector machine for each label, whose classes weigh the same, so that
    its logits know nothing of the prior.
    """
    W = fit_svms(X, n_terms, truths, attrs["cost"])
    weights, scale = numpy.ascontiguousarray(W[:-1].T), attrs["scale"]
    most = min(max(attrs["max_weights"] // len(weights), 1), n_terms)
    top = numpy.argpartition(-numpy.abs(weights), most - 1, axis=1)[:, :most]
    top.sort(axis=1)
    largest = numpy.take_along_axis(weights, top, axis=1)
    return Solved(largest, top, scale, scale * W[-1])


def _read_all(reader: TermReader, docs: Sequence[Doc]) -> Terms:
    starts = range(0, max(len(docs), 1), BATCH_SIZE)
    parts = [reader.read(list(docs[i : i + BATCH_SIZE])) for i in starts]
    rows = [part.rows + start for start, part in zip(starts, parts)]
    keys, counts = ([part[i] for part in parts] for i in (1, 2))
    return Terms(*map(numpy.concatenate, (rows, keys, counts)))
