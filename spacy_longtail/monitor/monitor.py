"""Compare what a pipeline says of two periods, without gold labels."""

from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy
from spacy.language import Language

from ..audit.labels import find_codes
from ..batch.classifier import load_classifier
from ..batch.columns import BatchOptions
from ..errors import JobErrors
from ..evaluation.pipes import find_fallback, find_titles, name_pipeline
from ..settings import is_between
from ..taxonomy import Taxonomy
from .drift import Drift, Shift
from .period import N_BINS, AnswerKind, Period, read_period
from .shares import ShareTest, Z, compare_shares, find_shift, make_groups
from .words import Topic, find_new_words, find_topics, find_words

PathT = Union[str, Path]
MEASURES = ("no label", "second stage", "hardly known")
# Of the texts of both periods, those with the lowest `known`.
HARDLY_SHARE = 0.1
N_DRAWS = 1000


def monitor(
    pipeline: Union[PathT, Language],
    reference: PathT,
    period: PathT,
    *,
    fail_above: Optional[float] = None,
    rate: float = 0.05,
    least_change: float = 0.2,
    text: Sequence[str] = (),
    pipe: Optional[str] = None,
    seed: int = 0,
    progress: bool = False,
    **dialect: Any,
) -> Drift:
    """Compare the texts of a period with those of a reference, without gold labels: the
    shares of labels and of the categories above them, of texts without a label, of
    those that the second stage has decided, and of those that are hardly known, that
    is, in the tenth of both periods with the lowest `known`; and words that are new.

    An alarm says that a share has changed by at least `least_change`, and by more than
    chance: of comparisons of periods in which nothing has changed, at most `rate` raise
    any alarm, however many labels there are. That holds for texts that are independent
    of each other; of traffic that comes in bursts, a longer reference isn't enough.

    pipeline (Union[str, Path, Language]): Folder or package, or what is loaded already.
    reference, period (Union[str, Path]): Tables or .spacy corpora. A table that
        `predict` has written, with its columns "label", "known" and "stage", is taken
        as it is, so that the pipeline needn't run.
    fail_above (Optional[float]): The value of `Drift.value` from which on the period
        has drifted, from 0.0 to 1.0.
    rate (float): Share of comparisons with a false alarm, above 0.0 and below 1.0.
    least_change (float): 0.2 for a share that is 20 % larger or smaller, at least 0.0.
    text (Sequence[str]): Columns of the text, joined by a line break. By default
        "text", or the one that looks like it.
    pipe (Optional[str]): Name of the component, if there are several.
    seed (int): Of what is drawn at random.
    progress (bool): Whether to show progress bars, on stderr.
    dialect (Any): What text files don't say themselves, see Dialect.
    RETURNS (Drift): What has changed.
    RAISES (ValueError): L775 if a number is out of range, L773 without a text, L774 if
        a table isn't as `predict` writes it. Else see TextInput and load_pipeline.
    """
    _check_range("fail_above", fail_above, 0.0, 1.0)
    _check_range("rate", rate, 0.5 / N_DRAWS, 0.5)
    _check_range("least_change", least_change, 0.0, 1e6)
    classifier = load_classifier(pipeline, BatchOptions(pipe=pipe, top=0))
    nlp, tree = classifier.nlp, classifier.pipe.taxonomy
    fallback = find_fallback(nlp, classifier.pipe.name)
    codes = dict.fromkeys(find_codes(tree.leaves, tree.separator))
    more: Dict[str, Any] = {"text": text, "seed": seed, "progress": progress}
    before, now = (
        read_period(Path(path), classifier, fallback, **more, **dialect)
        for path in (reference, period)
    )
    shifts, result = _compare(before, now, tree, rate, least_change, seed)
    value = max(result.distance - result.noise, 0.0)
    width = Z * result.spread
    measures, labels = shifts[: len(MEASURES)], shifts[len(MEASURES) :]
    has_texts = before.has_texts and now.has_texts
    return Drift(
        pipeline=" ".join(filter(None, name_pipeline(nlp))),
        reference=str(reference),
        period=str(period),
        n_before=before.n_docs,
        n_now=now.n_docs,
        n_failed=(before.n_failed, now.n_failed),
        value=value,
        low=max(value - width, 0.0),
        high=min(value + width, 1.0),
        distance=result.distance,
        noise=result.noise,
        p_value=result.p_value,
        known=(before.known / before.n_docs, now.known / now.n_docs),
        labels=sorted(labels, key=lambda shift: (-abs(shift.change), shift.name)),
        measures=measures,
        topics=_find_topics(nlp, before, now) if has_texts else [],
        rate=rate,
        least_change=least_change,
        fail_above=fail_above,
        is_predicted=before.is_predicted and now.is_predicted,
        has_texts=has_texts,
        titles=find_titles(classifier.pipe, tree.leaves, codes),
        versions=(sorted(before.versions), sorted(now.versions)),
    )


def _check_range(name: str, value: Any, least: float, most: float) -> None:
    """RAISES (ValueError): L775 if it's a number out of range."""
    if value is not None and not is_between(value, least, most):
        text = JobErrors.L775.format(name=name, least=least, most=most, value=value)
        raise ValueError(text)


def _compare(
    before: Period,
    now: Period,
    tree: Taxonomy,
    rate: float,
    least_change: float,
    seed: int,
) -> Tuple[List[Shift], ShareTest]:
    """RETURNS (Tuple[List[Shift], ShareTest]): The measures, then labels and
    categories.
    """
    limit = _find_limit(before, now)
    both = [_join_steps(period.counts, limit) for period in (before, now)]
    kinds = list({**both[0], **both[1]})
    counts = numpy.asarray([[own.get(kind, 0) for kind in kinds] for own in both])
    names, members, parts = _find_members(kinds, tree)
    # Nothing to compare where there is no text at all.
    used = [i for i, own in enumerate(members) if own]
    groups, own_parts = make_groups([members[i] for i in used]), make_groups(parts)
    result = compare_shares(counts, groups, own_parts, n_draws=N_DRAWS, seed=seed)
    sums = dict(zip(used, groups.sum(counts).T.tolist()))
    p_values = dict(zip(used, result.p_values.tolist()))
    shifts = [
        _make_shift(
            name,
            (before.n_docs, now.n_docs),
            sums.get(i, (0.0, 0.0)),
            p_values.get(i, 1.0),
            rate,
            least_change,
        )  # fmt: skip
        for i, name in enumerate(names)
    ]
    return shifts, result


def _find_members(
    kinds: Sequence[AnswerKind], tree: Taxonomy
) -> Tuple[List[str], List[List[Tuple[int, float]]], List[List[Tuple[int, float]]]]:
    """RETURNS (Tuple[List[str], List, List]): Names, and the kinds of texts of each,
    for the measures, labels and categories; and the kinds of each label, and of those
    without any, a text with several labels being divided among them.
    """
    tests = [lambda k: not k.labels, lambda k: k.is_second, lambda k: k.step == 0]
    measures = [[(i, 1.0) for i, k in enumerate(kinds) if test(k)] for test in tests]
    nodes: Dict[str, List[Tuple[int, float]]] = defaultdict(list)
    parts: Dict[str, List[Tuple[int, float]]] = defaultdict(list)
    for i, kind in enumerate(kinds):
        for node in {node for label in kind.labels for node in tree.path(label)}:
            nodes[node].append((i, 1.0))
        for label in kind.labels or ("",):
            parts[label].append((i, 1.0 / max(len(kind.labels), 1)))
    names = [*MEASURES, *nodes]
    return names, [*measures, *nodes.values()], list(parts.values())


def _join_steps(counts: Dict[AnswerKind, int], limit: int) -> Dict[AnswerKind, int]:
    """RETURNS (Dict[AnswerKind, int]): With two steps left, 0 for what is hardly known,
    so that there is less to deal out.
    """
    joined: Dict[AnswerKind, int] = defaultdict(int)
    for answer, n in counts.items():
        joined[answer._replace(step=int(answer.step >= limit))] += n
    return joined


def _find_limit(*periods: Period) -> int:
    """RETURNS (int): The step of `known` below which texts are hardly known."""
    pairs = [pair for period in periods for pair in period.counts.items()]
    steps, n_docs = zip(*((answer.step, n) for answer, n in pairs))
    shares = numpy.cumsum(numpy.bincount(steps, n_docs, minlength=N_BINS))
    return int(numpy.searchsorted(shares, HARDLY_SHARE * shares[-1])) + 1


def _make_shift(
    name: str,
    n_docs: Tuple[int, int],
    sums: Sequence[float],
    p_value: float,
    rate: float,
    least_change: float,
) -> Shift:
    (n_before, n_now), (old, new) = n_docs, (round(value) for value in sums)
    before, now = old / n_before, new / n_now
    low, high = find_shift(n_before, old, n_now, new)
    more, less = max(before, now), min(before, now)
    alarm = ""
    if p_value <= rate and more > less and more >= (1.0 + least_change) * less:
        alarm = "more" if now > before else "less"
        alarm = "new" if not old else "gone" if not new else alarm
    return Shift(name, old, new, before, now, low, high, p_value, alarm)


def _find_topics(nlp: Language, before: Period, now: Period) -> List[Topic]:
    old, new = (
        list(find_words(nlp, [text for text, _ in own.sample])) for own in (before, now)
    )
    words = [word for word, *_ in find_new_words(old, new)]
    return find_topics(words, old, new, now.sample)
