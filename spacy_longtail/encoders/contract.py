"""What a component may ask of its encoder and its output layer.

An encoder is any Model[List[Doc], Floats2d] that gives each document a row of unit
length, or of zeros where there is nothing to encode, and for which it doesn't matter
what else is in the batch. An output layer is any Model[Floats2d, Floats2d] that makes
logits over the leaves of a taxonomy of such rows; its backprop takes the gradient of
the logits. All else is optional and stands in `model.attrs`, Thinc's way to give a
layer methods, under the names below. Read it with these functions only.

    encoder  is_frozen, counts_first (bool), views (list), observe, restart, split
             (functions)
    output   set_start, get_similarity (functions, both needed), extend_start,
             set_bias, get_linear, get_scores, check_weights, shrink,
             expand
    terms    fit, blend, shift (functions, all needed), one_label (bool), share
             (float), remix (function)

A model can have a third part, "terms", which is fitted to the training corpus, not
trained, and makes logits of documents, too.
A saved output layer has the digest of what it was started for in "leaves".
"""

from functools import partial
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy
import srsly
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats1d, Floats2d
from thinc.util import convert_recursive, is_xp_array

from ..errors import Errors
from ..ops import unit_rows
from ..outputs.half import FULL
from ..outputs.prototypes import OutputT
from ..saved import get_digest, refuse
from ..taxonomy import Taxonomy
from .weights import load_weights

EncoderT = Model[List[Doc], Floats2d]


class View(NamedTuple):
    """A part of the vectors of an encoder that learns for itself.

    In training, such an encoder gives each document a row for each of its views, all
    documents of the first before those of the second. Such a row is zero but for the
    view's columns, which are 1 / weight long: if the rows of the output layer are, in
    these columns, weight times as long as in all, the logits of a view are those of a
    vector of its own. In prediction they add up to the mean of all views, weighted by
    weight ** 2.

    columns (slice): Of the vector.
    weight (float): How long it is in a vector of unit length, above 0.0. The squares
        of all weights add up to 1.0.
    """

    columns: slice
    weight: float


def get_views(encoder: EncoderT) -> List[View]:
    """RETURNS (List[View]): The views of an encoder, none if all of a vector learns as
    one, with a row for each document.
    """
    return encoder.attrs.get("views", [])


def balance(encoder: EncoderT, rows: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Vectors of shape (rows, width), float32, with as much of
    each view as its weight says, as far as they have any of it.
    """
    views = get_views(encoder)
    if not views:
        return rows
    found = numpy.zeros_like(rows)
    for columns, weight in views:
        found[:, columns] = unit_rows(rows[:, columns]) * weight
    return found


def is_frozen(encoder: EncoderT) -> bool:
    """RETURNS (bool): Whether the vector of a text stays as it is, so that each
    training text is encoded only once. False if the encoder doesn't say.
    """
    return bool(encoder.attrs.get("is_frozen", False))


def is_listening(encoder: EncoderT) -> bool:
    """RETURNS (bool): Whether the encoder gets its vectors from another component, so
    that it can only encode the documents that the other one has seen.
    """
    return any(
        hasattr(node, "upstream_name") or "_upstream_name" in node.attrs
        for node in encoder.walk()
    )


def observe(encoder: EncoderT, docs: Optional[List[Doc]]) -> None:
    """Show the training corpus to an encoder that counts it; others don't need it.

    docs (Optional[List[Doc]]): A batch. None, before the first, lets it forget all it
        has counted and learned.
    """
    if "observe" in encoder.attrs:
        encoder.attrs["observe"](encoder, docs)


def restart(encoder: EncoderT, keep: float) -> None:
    """Let an encoder forget what it has learned, but for a share of it. Others that
    can't stay as they are.
    """
    if "restart" in encoder.attrs:
        encoder.attrs["restart"](encoder, keep)


def counts_first(encoder: EncoderT) -> bool:
    """RETURNS (bool): Whether the encoder has to have seen the whole training corpus
    before it encodes the first of its documents.
    """
    return bool(encoder.attrs.get("counts_first", False))


def split(encoder: EncoderT, doc: Doc) -> Optional[Dict[str, numpy.ndarray]]:
    """Split the vector of a document into what each token brings to it.

    RETURNS (Optional[Dict[str, numpy.ndarray]]): By kind of feature, for example
        "words", an array of shape (tokens, width). All of them together sum to the
        vector. None if that can't be told.
    """
    return encoder.attrs["split"](encoder, doc) if "split" in encoder.attrs else None


def is_textcat(model: Any) -> bool:
    """RETURNS (bool): Whether a model has an encoder and an output layer with what is
    needed of them.
    """
    if not isinstance(model, Model) or not {"encoder", "output"} <= {*model.ref_names}:
        return False
    output = model.maybe_get_ref("output")
    return output is not None and {"set_start", "get_similarity"} <= {*output.attrs}


def encode(encoder: EncoderT, docs: List[Doc]) -> Floats2d:
    """RETURNS (Floats2d): Vectors of shape (docs, width).

    RAISES (ValueError): L348 if the encoder gives something else.
    """
    X = encoder.predict(docs)
    if getattr(X, "ndim", None) != 2 or len(X) != len(docs):
        found = f"{encoder.name!r}, which gives no array of shape (documents, width)"
        raise ValueError(Errors.L348.format(part="model.encoder", found=found))
    return X


def set_start(output: OutputT, taxonomy: Taxonomy, prototypes: numpy.ndarray) -> None:
    """Give an output layer its leaves and its first weights, in place of all it had.
    It can't run before. Its first logits are cosines times a scale, or log
    probabilities made of those.

    taxonomy (Taxonomy): The label tree, its leaves in the order of the logits.
    prototypes (numpy.ndarray): A unit vector for each, of shape (leaves, width).
    """
    output.attrs["set_start"](output, taxonomy, prototypes)
    output.attrs["leaves"] = _get_leaves(taxonomy)


def _get_leaves(taxonomy: Taxonomy) -> str:
    others = [[other.parent, *other.members] for other in taxonomy.others]
    return get_digest(list(taxonomy.leaves), taxonomy.separator, others)


def save_model(model: EncoderT) -> bytes:
    """RETURNS (bytes): What load_model reads, as Model.to_bytes gives it, but for an
    output layer that saves less than it has.
    """
    msg, output = model.to_dict(), model.get_ref("output")
    if "shrink" in output.attrs:
        place = [node is output for node in model.walk()].index(True)
        params = msg["params"][place]
        msg["params"][place] = output.attrs["shrink"](output, params)
    to_numpy = partial(model.ops.to_numpy, byte_order="<")
    msg = convert_recursive(is_xp_array, to_numpy, msg)
    return srsly.msgpack_dumps(msg)


def load_model(model: EncoderT, data: bytes, taxonomy: Optional[Taxonomy]) -> None:
    """Load a model that was saved, with the references "encoder" and "output".

    taxonomy (Optional[Taxonomy]): Its labels, None if they aren't known.
    RAISES (ValueError): L361, or that of a layer, for data that aren't the model's, or
        that of other labels.
    """
    output = model.get_ref("output")
    for name in output.param_names:
        output.set_param(name, None)
    for name in output.dim_names:
        output.set_dim(name, None, force=True)  # type: ignore[arg-type]
    # Older versions didn't save it.
    output.attrs.pop("leaves", None)
    if "row_bits" in output.attrs:
        output.attrs["row_bits"] = FULL
    load_weights(model, data)
    if "expand" in output.attrs:
        output.attrs["expand"](output)
    if taxonomy is None:
        return
    leaves = output.attrs.setdefault("leaves", _get_leaves(taxonomy))
    n_leaves = output.get_dim("nO") if output.has_dim("nO") else None
    if n_leaves != len(taxonomy.leaves) or leaves != _get_leaves(taxonomy):
        refuse("its weights are those of other labels")
    if "check_weights" in output.attrs:
        output.attrs["check_weights"](output)


def get_max_docs(model: EncoderT) -> int:
    """RETURNS (int): How many documents the terms of a model can be fitted to, 0 for
    one that has none.
    """
    return model.get_ref("terms").attrs["max_docs"] if has_terms(model) else 0


def has_terms(model: EncoderT) -> bool:
    return bool(model.has_ref("terms"))


def is_for_one_label(model: EncoderT) -> bool:
    """RETURNS (bool): Whether its terms can only be fitted where labels exclude each
    other.
    """
    return has_terms(model) and bool(model.get_ref("terms").attrs.get("one_label"))


def fit_terms(
    model: EncoderT,
    docs: List[Doc],
    truths: numpy.ndarray,
    log_odds: numpy.ndarray,
    log_prior: numpy.ndarray,
) -> None:
    """Fit the terms of a model.

    truths (numpy.ndarray): 1.0, 0.0 or NaN for what isn't known, (docs, leaves).
    log_odds (numpy.ndarray): Those of the prior of each leaf, (leaves,).
    log_prior (numpy.ndarray): That of the loss, which all logits have; same shape.
    """
    terms = model.get_ref("terms")
    terms.attrs["fit"](terms, docs, truths, log_odds)
    terms.attrs["shift"](terms, log_prior)


def shift_terms(model: EncoderT, shift: numpy.ndarray) -> None:
    """Add something to each leaf's logit, of shape (leaves,)."""
    if has_terms(model):
        terms = model.get_ref("terms")
        terms.attrs["shift"](terms, shift)


def mix_terms(model: EncoderT, docs: List[Doc], logits: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Logits with those of the terms, if there are any, of
    shape (docs, leaves).
    """
    terms = model.get_ref("terms") if has_terms(model) else None
    return logits if terms is None else terms.attrs["blend"](terms, docs, logits)


def get_share(model: EncoderT) -> Optional[float]:
    """RETURNS (Optional[float]): That of the terms, if it can be changed."""
    terms = model.get_ref("terms") if has_terms(model) else None
    return None if terms is None or "remix" not in terms.attrs else terms.attrs["share"]


def set_share(model: EncoderT, share: float) -> None:
    """Change the share of the terms, see get_share, from 0.0 to below 1.0."""
    model.get_ref("terms").attrs["share"] = share


def remix_terms(
    model: EncoderT, own: numpy.ndarray, logits: numpy.ndarray, share: float
) -> numpy.ndarray:
    """Find what logits would be with another share of the terms, see get_share.

    own (numpy.ndarray): What the terms find, see run_terms, of shape (docs, leaves).
    logits (numpy.ndarray): With the present share, same shape.
    RETURNS (numpy.ndarray): float32 array, same shape.
    """
    terms = model.get_ref("terms")
    return terms.attrs["remix"](terms, own, logits, share)


def run_terms(model: EncoderT, docs: List[Doc]) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Logits of the terms alone, of shape (docs, leaves)."""
    terms = model.get_ref("terms")
    return terms.ops.to_numpy(terms.predict(docs))


def can_extend(output: OutputT, width: int) -> bool:
    """RETURNS (bool): Whether `extend_start` is possible, with vectors of a width."""
    return "extend_start" in output.attrs and output.get_dim("nI") == width


def extend_start(
    output: OutputT,
    before: Taxonomy,
    taxonomy: Taxonomy,
    prototypes: numpy.ndarray,
    keep: float = 1.0,
) -> None:
    """Give an output layer other leaves, if it can_extend. Those that it has keep their
    weights, found by their names; others start as in set_start.

    before (Taxonomy): The label tree that it has.
    taxonomy, prototypes: See set_start.
    keep (float): The share of what was learned that is kept, see restart. A layer that
        can only keep all of it needs no such argument for 1.0.
    """
    more = {} if keep == 1.0 else {"keep": keep}
    output.attrs["extend_start"](output, before, taxonomy, prototypes, **more)
    output.attrs["leaves"] = _get_leaves(taxonomy)


def get_similarity(output: OutputT, X: Floats2d) -> Floats2d:
    """RETURNS (Floats2d): Cosine of each document to the present weights of each leaf,
    from -1.0 to 1.0, of shape (docs, leaves), 0.0 for a vector of zeros.
    """
    return output.attrs["get_similarity"](output, X)


def get_scores(output: OutputT, X: Floats2d) -> Tuple[Floats2d, Floats1d]:
    """Find what prediction needs of an output layer, in one go if it can.

    RETURNS (Tuple[Floats2d, Floats1d]): Logits, of shape (docs, leaves), and each
        document's highest similarity, see get_similarity, of shape (docs,).
    """
    if "get_scores" in output.attrs:
        return output.attrs["get_scores"](output, X)
    return output.predict(X), get_similarity(output, X).max(axis=1)


def can_set_bias(output: OutputT) -> bool:
    """RETURNS (bool): Whether `set_bias` is possible. Without it, logits can't stand
    for probabilities that are independent of each other.
    """
    return "set_bias" in output.attrs


def set_bias(output: OutputT, bias: numpy.ndarray) -> None:
    """Set what is added to each leaf's logit, in place of what was: a softmax doesn't
    need it, but independent probabilities do. It learns like any bias.

    bias (numpy.ndarray): Of shape (leaves,). Leaves that share weights get their mean.
    """
    output.attrs["set_bias"](output, bias)


def get_linear(output: OutputT) -> Optional[Tuple[Floats2d, Floats1d]]:
    """RETURNS (Optional[Tuple[Floats2d, Floats1d]]): Weights of shape (leaves, width)
    and biases of shape (leaves,), so that the logits are X @ weights.T + biases. None
    if they aren't linear in the document vector.
    """
    return output.attrs["get_linear"](output) if "get_linear" in output.attrs else None
