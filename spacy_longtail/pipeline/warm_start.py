"""What a component that is trained already keeps when it is trained on a new corpus."""

from typing import Any, Container, Dict, Iterable, List, Mapping, Sequence, Tuple

import numpy
from spacy.schemas import ConfigSchemaInit
from spacy.util import registry, resolve_dot_names
from thinc.api import Model

from ..encoders import contract
from ..errors import Errors, JobErrors
from ..settings import is_between
from ..taxonomy import Taxonomy
from .names import NameWords

# Separators that labels are written with elsewhere.
SEPARATORS = ("/", " > ", ">", "|", "::", ":", "\\", ".", " - ")


def start_sourced(pipe: Any) -> None:
    """Begin with a warm start of a component that 'spacy train' has sourced, and of the
    fallbacks that refine it: spaCy doesn't initialize those. The corpus and what else
    it takes are what the config of the pipeline names.

    pipe (TextCategorizer): The component. If it wasn't sourced, nothing is done.
    """
    (nlp, before), pipe.sourced_by = pipe.sourced_by or (None, None), None
    # It was sourced by code, not by a config, if that was there before.
    if nlp is None or nlp._config is before:
        return
    config = nlp.config.interpolate()
    training = config["training"]
    try:
        corpus = resolve_dot_names(config, [training["train_corpus"]])[0]
    except ValueError:
        # It names none, so someone else gives the documents.
        return
    settings = registry.resolve(config["initialize"], schema=ConfigSchemaInit)
    given = settings["components"]
    is_streamed = training["max_epochs"] == -1
    for name, component in nlp.components:
        is_refining = getattr(component, "kind", None) is pipe.kind
        values = given.get(name, {})
        if name in training["frozen_components"] or not is_refining:
            continue
        if component is pipe and is_streamed and not values.get("labels"):
            return
        component.warm_start(lambda: corpus(nlp), nlp=nlp, **values)


def check_keep(keep: float) -> None:
    """RAISES (ValueError): L752 if it's no share of what was learned."""
    if not is_between(keep, 0.0, 1.0):
        raise ValueError(JobErrors.L752.format(keep=keep))


def promote_from(pipe: Any, min_count: int) -> None:
    """Let labels with so many documents have a column of their own from now on. Those
    that have one keep it, as if it was always so.
    """
    pipe.settings.min_count = min_count
    pipe.cfg["pooled_below"] = min_count


def forget_at_start(pipe: Any, labels: Iterable[str]) -> None:
    """Let the next warm start know nothing of labels that its corpus hasn't."""
    pipe.cfg["forgotten"] = list(labels)


def add_known(
    counts: Mapping[str, int], before: Taxonomy, pipe: Any
) -> Tuple[Dict[str, int], List[str]]:
    """Put the labels that are trained already beside those of a new corpus. A label
    without documents keeps its column. One that has a column of its own isn't pooled,
    unless 'min_count' was raised above all the documents that it had at once.

    Those that are forgotten, and have no documents, are left out.

    counts (Mapping[str, int]): Documents of each label in the new corpus.
    RETURNS (Tuple[Dict[str, int], List[str]]): Documents of each label, and the setting
        'keep' with those that stay as they are.
    RAISES (ValueError): L342 if a trained label has become an inner node, L343 if the
        labels are written with another separator.
    """
    settings, separator = pipe.settings, before.separator
    if settings.separator != separator:
        _raise_separator(pipe.name, separator, settings.separator)
    forgotten = set(pipe.cfg.pop("forgotten", ())) - counts.keys()
    settings.keep = [label for label in settings.keep if label not in forgotten]
    for label in counts:
        for node in before.path(label)[:-1]:
            if node in before.index and node not in forgotten:
                text = Errors.L342.format(name=pipe.name, node=node, label=label)
                raise ValueError(text)
        for other in SEPARATORS if label not in before.ranges else ():
            if other != separator and label.replace(other, separator) in before.index:
                _raise_separator(pipe.name, separator, label)
    left = [leaf for leaf in before.leaves if leaf not in forgotten]
    found = {leaf: counts.get(leaf, 0) for leaf in left}
    pooled_below = pipe.cfg.get("pooled_below")
    is_raised = pooled_below is not None and settings.min_count > pooled_below
    keep = [
        leaf
        for leaf, count in zip(before.leaves, before.counts)
        if leaf in found
        and leaf not in before.pooled
        and not (is_raised and max(count, found[leaf]) < settings.min_count)
    ]
    return {**found, **counts}, [*settings.keep, *keep]


def _raise_separator(name: str, expected: str, found: str) -> None:
    raise ValueError(Errors.L343.format(name=name, expected=expected, found=found))


def find_columns(taxonomy: Taxonomy, before: Taxonomy) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The column that each leaf had before, -1 for a new one;
    int64 array of shape (leaves,).
    """
    columns = [before.index.get(leaf, -1) for leaf in taxonomy.leaves]
    return numpy.asarray(columns, dtype="int64")


def keep_names(
    words: NameWords,
    taxonomy: Taxonomy,
    names: Sequence[List[List[str]]],
    before: Taxonomy,
    described: Container[str],
) -> None:
    """Put the names of trained labels, which can have descriptions, in place of those
    made anew, unless there is a new description.
    """
    for column, leaf in enumerate(taxonomy.leaves):
        if leaf in before.index and leaf not in described:
            words[column] = names[before.index[leaf]]


def shift_bias(
    output: Model, columns: numpy.ndarray, trained: Any, log_prior: Any
) -> None:
    """Let the logits of trained labels contain the new prior where they contained the
    old one, so that what is left without it stays the same.

    columns (numpy.ndarray): See find_columns.
    trained, log_prior (Any): That of the loss before and now, see LeafLoss.
    """
    to_numpy, linear = output.ops.to_numpy, contract.get_linear(output)
    if linear is not None and contract.can_set_bias(output):
        shifts = to_numpy(log_prior) - to_numpy(trained)[columns]
        shifts = numpy.where(columns < 0, 0.0, shifts)
        if shifts.any():
            contract.set_bias(output, to_numpy(linear[1]) + shifts)
