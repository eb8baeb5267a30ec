import json
import textwrap
import warnings
from math import ceil
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from thinc.api import Config

from ..audit import Audit
from ..audit.advice import (
    MANY_DOCS,
    choose_pooling,
    choose_word_weight,
    knows_few_words,
    needs_ngrams,
)
from ..audit.facts import Pooling
from ..errors import Errors, Warnings
from ..languages import make_blank
from ..presentation import count_noun
from .terms import choose_terms

TEMPLATES = Path(__file__).parent / "configs"
OPTIMIZE = ("efficiency", "cascade", "accuracy")
# What is needed for one, besides the package.
EXTRAS = {"cascade": "embeddings", "accuracy": "transformers"}
FACTORY = "longtail_textcat"
FALLBACK = "zero_shot_fallback"
DROPPED = (
    "No label is pooled, so that there is nothing to refine. To add labels at run "
    f"time, add a {FALLBACK}, as in the config that comes with the package."
)
NGRAM_WIDTH = 512
MIN_EPOCHS = 3
# Passes over the documents after which the word vectors have learned what they can, and
# begin to forget what they knew; and the fewest steps, as small corpora take more.
ENOUGH_EPOCHS, ENOUGH_STEPS = 10, 200
# Of a transformer that is fine-tuned, up to LARGE documents.
MIN_TUNING_EPOCHS = 6
MAX_EPOCHS = 100
MIN_STEPS = 100
# From so many documents on, the steps would be many, and larger batches lose nothing.
LARGE = 100_000
LARGE_BATCH = 256
# All labels of a document in `doc.cats` take 70 bytes each, and evaluation keeps all
# documents of dev. From so many labels on, only the most probable ones are written,
# more where a document can have several, as their ranking is measured.
MANY_LABELS = 5000
TOP_K, TOP_K_OF_SEVERAL = 20, 100


class Setting(NamedTuple):
    """Where a value stands in a config, a JSON value that fits a corpus, and why, ""
    where that goes without saying. A dict is a block of its own; its key has to be the
    last of its section.
    """

    section: str
    key: str
    value: Any
    reason: str


def init_config(
    facts: Audit, *, optimize: str = "efficiency", lang: Optional[str] = None
) -> str:
    """Write a config for a corpus: one of the configs that come with the package, with
    sizes that fit and comments that say why.

    facts (Audit): What is known of the training corpus.
    optimize (str): "efficiency", "cascade" or "accuracy".
    lang (Optional[str]): Language of the tokenizer, by default that of the corpus, or
        else "en".
    RETURNS (str): The config. Train it with --paths.train and --paths.dev. Warns with
        LW509 if the corpus is in another language.
    RAISES (ValueError): L650 or L651 if there is no such config, L663 without such a
        language.
    """
    name = choose_template(facts.max_labels, optimize)
    path = TEMPLATES / f"{name}.cfg"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in TEMPLATES.glob("*.cfg")))
        raise ValueError(Errors.L650.format(found=name, known=known))
    text = path.read_text(encoding="utf8")
    template = Config().from_str(text, interpolate=False)
    chosen = [_choose_language(facts, lang), *choose_settings(facts, template)]
    for setting in chosen:
        text = set_value(text, setting)
        if setting.reason == DROPPED:
            text = drop_component(text, FALLBACK)
    return f"{_make_header(facts)}\n{text}"


def _choose_language(facts: Audit, lang: Optional[str]) -> Setting:
    reason = "" if lang or facts.lang is None else "As in the corpus."
    lang = lang or facts.lang or "en"
    found = make_blank(lang).lang
    if facts.lang not in (None, found):
        text = Warnings.LW509.format(path=facts.path, found=facts.lang, lang=lang)
        warnings.warn(text, stacklevel=3)
    return Setting("nlp", "lang", lang, reason)


def choose_template(max_labels: int, optimize: str) -> str:
    """RETURNS (str): Name of the config for documents with so many labels.

    RAISES (ValueError): L650 if there is no such kind, L651 if there is none for
        several labels.
    """
    if optimize not in OPTIMIZE:
        raise ValueError(Errors.L650.format(found=optimize, known=", ".join(OPTIMIZE)))
    if max_labels == 1:
        return optimize
    # Those for several labels have a name of their own before what they optimize,
    # which is the first if there is nothing else.
    names = sorted(path.stem for path in TEMPLATES.glob("*.cfg"))
    others = [name for name in names if name not in OPTIMIZE]
    found = {name.partition("_")[2] or OPTIMIZE[0]: name for name in others}
    if optimize not in found:
        known = " or ".join(f"--optimize {name}" for name in found)
        raise ValueError(Errors.L651.format(found=optimize, known=known))
    return found[optimize]


def choose_settings(facts: Audit, template: Config) -> List[Setting]:
    """RETURNS (List[Setting]): What is to be set where the template has the key."""
    name, block = next(
        (name, block)
        for name, block in template["components"].items()
        if block.get("factory", "").startswith(FACTORY)
    )
    terms = choose_terms(facts, block["model"])
    # A ridge regression knows rare labels one by one.
    wanted = 0 if terms and facts.max_labels > 1 else block["min_count"]
    pooling = choose_pooling(facts, wanted=wanted)
    is_tuned = "trainable_layers" in block["model"]["encoder"] and facts.n_docs < LARGE
    min_epochs = MIN_TUNING_EPOCHS if is_tuned else MIN_EPOCHS
    usual = template["training"]["max_steps"]
    if facts.max_labels == 1 and "word_learn_rate" in block["model"]["encoder"]:
        epoch = ceil(facts.n_docs / template["training"]["batcher"]["size"])
        usual = min(max(ENOUGH_EPOCHS * epoch, ENOUGH_STEPS), usual)
    found = [
        *_choose_for_labels(facts),
        *_choose_for_pipe(facts, f"components.{name}", block, pooling, wanted),
        *_choose_for_encoder(facts, f"components.{name}.model.encoder"),
        *(Setting(f"components.{name}.model", *pair) for pair in terms),
        *_choose_for_training(facts, template["training"], min_epochs, usual),
    ]
    if FALLBACK in template["components"] and not pooling.n_labels:
        kept = [pipe for pipe in template["nlp"]["pipeline"] if pipe != FALLBACK]
        found.append(Setting("nlp", "pipeline", kept, DROPPED))
    return found


def _choose_for_labels(facts: Audit) -> Iterator[Setting]:
    if facts.has_codes:
        reason = (
            f"{facts.n_codes:,} of {facts.n_labels:,} labels are codes, whose words "
            "help nothing. Their titles do: train with --paths.descriptions codes.csv, "
            "a table with the columns code and title."
        )
        yield Setting("paths", "descriptions", None, reason)


def _choose_for_pipe(
    facts: Audit, section: str, block: Dict[str, Any], pooling: Pooling, wanted: int
) -> Iterator[Setting]:
    where = "per parent" if facts.depth > 1 else "in all, as the labels are flat"
    n_all, unit = facts.n_docs, "documents"
    if facts.max_labels > 1:
        # A document that has two of them counts twice.
        n_all, unit = sum(facts.counts.values()), "gold labels"
    reason = f"Here that pools none of {count_noun(facts.n_labels, 'label')}."
    if pooling.n_labels:
        reason = (
            f"Here that pools {pooling.n_labels:,} of {facts.n_labels:,} labels, with "
            f"{pooling.n_docs:,} of {n_all:,} {unit}; one Other {where}."
        )
    if pooling.min_count < wanted:
        reason += f" {wanted} would pool more than half of the labels."
    if not wanted:
        reason += " The terms of the model know rare labels one by one."
    yield Setting(section, "min_count", pooling.min_count, reason)
    if facts.separator != block["separator"]:
        reason = "As in the labels of the corpus."
        yield Setting(section, "separator", facts.separator, reason)
    if facts.n_labels >= MANY_LABELS:
        top_k = TOP_K if facts.max_labels == 1 else TOP_K_OF_SEVERAL
        reason = (
            f"All {facts.n_labels:,} would take {70 * facts.n_labels / 1e6:.1f} MB a "
            "document."
        )
        yield Setting(section, "cats_top_k", top_k, reason)
    if "missing" in block and facts.n_unlabelled:
        reason = (
            f"{facts.n_unlabelled:,} of {facts.n_docs:,} documents have no gold label "
            'and aren\'t learned from. Use "negative" if that means that they have '
            "none."
        )
        yield Setting(section, "missing", block["missing"], reason)


def _choose_for_encoder(facts: Audit, section: str) -> Iterator[Setting]:
    if not needs_ngrams(facts):
        return
    reason = "They help to tell several labels apart, whatever the word vectors know."
    if facts.n_docs >= MANY_DOCS:
        reason = f"{facts.n_docs:,} documents are enough to learn n-grams from."
    if knows_few_words(facts):
        reason = (
            f"The word vectors know {facts.texts.known_share or 0.0:.0%} of the words "
            "of more than three letters, so character n-grams stand beside them."
        )
    yield Setting(section, "ngram_width", NGRAM_WIDTH, reason)
    yield Setting(section, "word_weight", *choose_word_weight(facts))


def _choose_for_training(
    facts: Audit, block: Dict[str, Any], min_epochs: int, usual: int
) -> Iterator[Setting]:
    size = block["batcher"]["size"]
    if facts.n_docs >= LARGE:
        size = max(size, LARGE_BATCH)
        reason = f"Larger than usual, as there are {facts.n_docs:,} documents."
        yield Setting("training.batcher", "size", size, reason)
    steps = choose_steps(facts.n_docs, size, usual, min_epochs)
    epochs = steps * size / facts.n_docs
    reason = (
        f"{steps:,} batches of {size} are {epochs:,.1f} passes over "
        f"{facts.n_docs:,} documents."
    )
    yield Setting("training", "max_steps", steps, reason)
    section, rates = "training.optimizer.learn_rate", block["optimizer"]["learn_rate"]
    # Not a reference, which spaCy can't follow in a pipeline that was trained.
    yield Setting(section, "total_steps", steps, "")
    if rates["warmup_steps"]:
        yield Setting(section, "warmup_steps", steps // 10, "A tenth of the steps.")
    n_evaluations = 4 if steps <= block["max_steps"] else 8
    reason = f"Evaluates {n_evaluations} times and keeps the best."
    yield Setting("training", "eval_frequency", ceil(steps / n_evaluations), reason)
    if facts.depth == 1:
        section, key = "training.score_weights", "longtail_coarse_accuracy"
        reason = "The labels are flat, so this is the accuracy."
        yield Setting(section, key, None, reason)


def choose_steps(
    n_docs: int, size: int, usual: int, min_epochs: int = MIN_EPOCHS
) -> int:
    """RETURNS (int): The usual steps, but at least so many passes over a large corpus
    and at most MAX_EPOCHS over a small one.
    """
    epoch = ceil(n_docs / size)
    most = max(MAX_EPOCHS * epoch, MIN_STEPS)
    return min(max(usual, min_epochs * epoch), most)


def _make_header(facts: Audit) -> str:
    n_labels = "several labels" if facts.max_labels > 1 else "one label"
    shape = f"{facts.depth} levels" if facts.depth > 1 else "flat"
    shape += f", {n_labels} a document"
    n_docs = count_noun(facts.n_docs, "document")
    sentence = f"For {facts.path}: {n_docs}, {count_noun(facts.n_labels, 'label')}, "
    sentence += f"{shape}."
    if facts.imbalance_ratio >= 1.5:
        sentence += (
            f" The most frequent label has {facts.imbalance_ratio:,.0f} times the "
            "documents of the rarest."
        )
    return "\n".join(_make_comment(sentence))


def set_value(text: str, setting: Setting) -> str:
    """Replace a value in the text of a config, if it has the key, with the reason as a
    comment before it.
    """
    section, lines = "", []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        if section == setting.section and line.split("=")[0].strip() == setting.key:
            lines += _make_comment(setting.reason)
            line = _write_value(setting)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _write_value(setting: Setting) -> str:
    if not isinstance(setting.value, dict):
        return f"{setting.key} = {json.dumps(setting.value)}"
    pairs = [f"{key} = {json.dumps(value)}" for key, value in setting.value.items()]
    return "\n".join([f"[{setting.section}.{setting.key}]", *pairs])


def drop_component(text: str, name: str) -> str:
    """Take the blocks and the scores of a fallback out of the text of a config."""
    sections = f"components.{name}", f"initialize.components.{name}"
    is_dropped, lines = False, []
    for line in text.splitlines():
        if line.startswith("["):
            is_dropped = line.strip("[]").startswith(sections)
        if not is_dropped and not line.startswith("longtail_refined_"):
            lines.append(line)
    return "\n".join(lines) + "\n"


def _make_comment(sentence: str) -> List[str]:
    return [f"# {line}" for line in textwrap.wrap(sentence, width=78)]
