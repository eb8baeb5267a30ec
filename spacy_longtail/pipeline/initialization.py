"""From a corpus to a component that can be trained."""

import warnings
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Set, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples

from ..descriptions import (
    DescriptionsT,
    check_descriptions,
    get_described,
    get_titles,
)
from ..encoders import contract
from ..errors import Errors, Warnings
from ..gold import LabelCounts, check_known, find_foreign, read_labels
from ..loading import check_language
from ..spelling import check_look_alikes, find_similar
from ..taxonomy import Taxonomy, add_nodes_above, build_taxonomy
from .encoding import EncodeT
from .names import NameWords, get_name_words
from .start import ClassSums, count_and_sum, get_name_vectors, get_prototypes
from .trained import TrainingTexts
from .warm_start import add_known, check_keep, find_columns, keep_names, shift_bias

N_NAMED = 3
N_FIRST = 10


def start_pipe(
    pipe: Any,
    get_examples: Callable[[], Iterable[Example]],
    nlp: Optional[Language],
    labels: Optional[Any],
    descriptions: Optional[DescriptionsT],
    before: Optional[Taxonomy] = None,
    keep: float = 1.0,
) -> None:
    """Count the labels of a corpus, build the taxonomy and give the output layer its
    start. See TextCategorizer.initialize and warm_start.

    pipe (TextCategorizer): The component.
    before (Optional[Taxonomy]): For a warm start, the labels that are trained already.
    keep (float): The share of what was learned to start with. What few documents have
        taught too well is less in the way of more of them then.
    RAISES (ValueError): L752 if 'keep' is none.
    """
    check_keep(keep)
    _check_language(nlp)
    given = read_labels(labels or pipe.declared or None, pipe.name)
    sums, encode = _count(pipe, get_examples, nlp, given, before, keep)
    if given is None and before is None and not sums.counts:
        # Without a gold label, those that are described are the labels.
        given = LabelCounts(get_described(descriptions or {}), None)
    if given is not None:
        sums.set_counts(given)
    taxonomy = _build_taxonomy(pipe, sums, before)
    words = _find_names(pipe, taxonomy, nlp, descriptions or {}, before)
    names = [[Doc(pipe.vocab, text) for text in group] for group in words]
    vectors = get_name_vectors(names, encode)
    prototypes = get_prototypes(taxonomy, sums, vectors, pipe.settings.kappa)
    prototypes = contract.balance(pipe.model.get_ref("encoder"), prototypes)
    if not sums.sample.n_seen:
        # Without documents, the names stand for them.
        sums.sample.add(vectors)
    output = pipe.model.get_ref("output")
    is_new = numpy.ones(len(taxonomy.leaves), dtype=bool)
    if before is None:
        contract.set_start(output, taxonomy, prototypes)
        pipe.set_taxonomy(taxonomy, words)
    else:
        if not contract.can_extend(output, prototypes.shape[1]):
            raise ValueError(Errors.L344.format(name=pipe.name))
        if pipe.thresholds:
            warnings.warn(Warnings.LW303.format(name=pipe.name), stacklevel=3)
        columns, trained = find_columns(taxonomy, before), pipe.trained_prior
        contract.extend_start(output, before, taxonomy, prototypes, keep)
        pipe.set_taxonomy(taxonomy, words)
        shift_bias(output, columns, trained, pipe.loss.log_prior)
        is_new = columns < 0
    # Saved, as it decides what another label in later documents means.
    pipe.cfg["declared"] = given is not None
    pipe.kind.fit_start(output, pipe.loss, taxonomy, sums.sample, is_new)
    if contract.has_terms(pipe.model):
        _fit_terms(pipe, sums.examples)


def _fit_terms(pipe: Any, examples: List[Example]) -> None:
    """RAISES (ValueError): L372 if there are more documents than is allowed, L373 for
    terms that can't tell several labels.
    """
    taxonomy, most = pipe.taxonomy, contract.get_max_docs(pipe.model)
    if pipe.kind.allows_several and contract.is_for_one_label(pipe.model):
        raise ValueError(Errors.L373.format(name=pipe.name))
    if len(examples) > most:
        raise ValueError(Errors.L372.format(name=pipe.name, most=most))
    truths = numpy.empty((len(examples), len(taxonomy.leaves)))
    for i, eg in enumerate(examples):
        truths[i] = pipe.kind.read_truths(eg, i, taxonomy)
    docs, priors = [eg.predicted for eg in examples], pipe.loss.log_prior
    log_odds = pipe.kind.get_log_prior(taxonomy)
    contract.fit_terms(pipe.model, docs, truths, log_odds, priors)


def check_update(pipe: Any, examples: List[Example]) -> None:
    """Check that a component can learn from examples. Warns with LW304 if all labels
    are pooled in one Other, so that no training can tell them apart, unless that is
    what was asked for.

    RAISES (ValueError): L341, L013 or L303, see check_known.
    """
    taxonomy: Taxonomy = pipe.taxonomy
    if not pipe.cfg.get("declared"):
        check_known(examples, taxonomy.ranges, pipe.name)
    n_leaves = len(taxonomy.leaves)
    is_wished = pipe.settings.one_other
    if len(taxonomy.others) == 1 and len(taxonomy.pooled) == n_leaves and not is_wished:
        text = Warnings.LW304.format(
            name=pipe.name, n=n_leaves, min_count=pipe.settings.min_count
        )
        warnings.warn(text, stacklevel=3)


def follow_loss(pipe: Any) -> None:
    """Let the logits of a loaded component be those of the loss that it has now, which
    the config can have changed.
    """
    columns = numpy.arange(len(pipe.taxonomy.leaves))
    output, now = pipe.model.get_ref("output"), pipe.loss.log_prior
    contract.shift_terms(pipe.model, now - pipe.trained_prior)
    shift_bias(output, columns, pipe.trained_prior, now)


def read_first(get_examples: Callable[[], Iterable[Example]], method: str) -> List[Doc]:
    """RETURNS (List[Doc]): The first documents of the corpus, which can be empty where
    the labels are known.
    """
    examples = get_examples() if callable(get_examples) else None
    if not isinstance(examples, Iterator):
        if not isinstance(examples, (list, tuple)) or examples:
            validate_get_examples(get_examples, method)
        examples = iter(get_examples())
    # spaCy would read a corpus to its end to check it. That is done when it's needed.
    first = list(islice(examples, N_FIRST))
    validate_examples(first, method)
    return [eg.reference for eg in first]


def _read(
    get_examples: Callable[[], Iterable[Example]], method: str
) -> Iterator[Example]:
    for eg in get_examples():
        if not isinstance(eg, Example):
            validate_examples([eg], method)
        yield eg


def _check_language(nlp: Optional[Language]) -> None:
    """Warn with LW509 if the training corpus of the config is in another language."""
    if nlp is not None:
        corpora = nlp.config.interpolate().get("corpora", {})
        path = corpora.get("train", {}).get("path")
        if path:
            check_language(Path(path), nlp.lang)


def _count(
    pipe: Any,
    get_examples: Callable[[], Iterable[Example]],
    nlp: Optional[Language],
    given: Optional[LabelCounts],
    before: Optional[Taxonomy],
    keep: float,
) -> Tuple[ClassSums, EncodeT]:
    """Go through the corpus.

    RETURNS (Tuple[ClassSums, EncodeT]): What was found, and the encoder.
    """
    method = f"{type(pipe).__name__}.initialize"
    docs = read_first(get_examples, method)
    is_streamed = nlp is not None and nlp.config["training"]["max_epochs"] == -1
    if is_streamed and (given is None or given.counts is None):
        raise ValueError(Errors.L304.format(name=pipe.name))
    known: Optional[Set[str]] = None if given is None else set(given.names)
    if before is not None and (known is not None or pipe.cfg.get("declared")):
        known = {*before.ranges, *(known or ())}
    nodes = known and add_nodes_above(known, pipe.settings.separator)
    is_warm = before is not None
    encode, count = pipe.encoding.start(docs, nlp, pipe, is_warm=is_warm, keep=keep)
    if pipe.encoding.count_first(eg.predicted for eg in _read(get_examples, method)):
        count = encode
    # A sample of a corpus isn't counted. What is known about all of it is given.
    sums = count_and_sum(
        _read(get_examples, method),
        encode if is_streamed else count,
        partial(pipe.kind.get_gold, known=known),
        name=pipe.name,
        sample_size=pipe.kind.sample_size,
        n_examples=contract.get_max_docs(pipe.model),
        find_foreign=partial(find_foreign, known=nodes),
    )
    # What an earlier training has seen, this one has, too.
    if before is None:
        pipe.trained = TrainingTexts() if is_streamed else sums.texts
    if is_streamed:
        sums.n_docs = 0
    elif sums.n_foreign:
        _check_foreign(pipe, sums, known or set(), is_given=given is not None)
    return sums, encode


def _check_foreign(
    pipe: Any, sums: ClassSums, known: Set[str], *, is_given: bool
) -> None:
    """RAISES (ValueError): L014 if the corpus has none of the labels that were given,
    L349 if it has others than those of the first training. Warns with LW302.
    """
    found = [label for label, _ in sums.foreign.most_common(N_NAMED)]
    similar = [f"{label!r} ({find_similar(label, known)})" for label in found]
    n, name, labels = sums.n_foreign, pipe.name, ", ".join(similar)
    if not is_given:
        raise ValueError(Errors.L349.format(name=name, n=n, labels=labels))
    if known and not sums.counts:
        given = sorted(known)[:N_NAMED]
        text = Errors.L014.format(name=name, given=given, n=n, labels=labels)
        raise ValueError(text)
    text = Warnings.LW302.format(name=name, n=n, labels=labels)
    warnings.warn(text, stacklevel=5)


def _build_taxonomy(pipe: Any, sums: ClassSums, before: Optional[Taxonomy]) -> Taxonomy:
    settings, keep = pipe.settings, pipe.settings.keep
    if before is not None:
        sums.counts, keep = add_known(sums.counts, before, pipe)
    check_look_alikes(sums.counts, settings.separator)
    return build_taxonomy(
        sums.counts,
        min_count=settings.min_count,
        keep=keep,
        separator=settings.separator,
        n_docs=pipe.kind.get_n_docs(sums),
        min_leaves=pipe.kind.min_leaves,
        one_other=settings.one_other,
    )


def _find_names(
    pipe: Any,
    taxonomy: Taxonomy,
    nlp: Optional[Language],
    descriptions: DescriptionsT,
    before: Optional[Taxonomy],
) -> NameWords:
    def split(text: str) -> Doc:
        return Doc(pipe.vocab, text.split())

    texts = check_descriptions(descriptions, taxonomy)
    titles, tokenize = get_titles(descriptions), nlp.make_doc if nlp else split
    words = get_name_words(taxonomy, texts, tokenize, titles)
    if before is not None:
        keep_names(words, taxonomy, pipe.cfg["names"], before, texts)
    return words
