"""How a pipeline is trained further: its own config, with fewer steps."""

from pathlib import Path
from typing import Any, Dict, List, Optional

from spacy.language import Language
from thinc.api import Config

from ..errors import JobErrors
from ..settings import check_count

# Of the steps that a training from scratch takes, and of what was learned. Chosen on
# dev, see benchmarks/weekly.py.
SHARE, KEEP = 1 / 6, 0.3
READER = "spacy.Corpus.v1"


def make_config(
    nlp: Language,
    name: str,
    train: Path,
    dev: Path,
    *,
    steps: Optional[int] = None,
    seed: int = 0,
) -> Config:
    """Make the config of an update of a pipeline: its own, for fewer steps, in which
    the learning rate falls to zero.

    name (str): The component that is trained.
    train, dev (Path): Corpora.
    steps (Optional[int]): By default SHARE of those of its training.
    RAISES (ValueError): L665 for less than a step, L751 if the config doesn't say how
        long to train.
    """
    config = nlp.config.copy()
    training = dict(config["training"])
    n_all = config.interpolate()["training"]["max_steps"]
    if steps is None:
        if not n_all:
            raise ValueError(JobErrors.L751)
        steps = max(1, round(SHARE * n_all))
    check_count("steps", steps, 1)
    corpora = {"train": train, "dev": dev}
    config["corpora"] = {
        key: _make_reader(config.get("corpora", {}).get(key, {}), path)
        for key, path in corpora.items()
    }
    # The first step of a training is always scored.
    config["corpora"]["dev"]["limit"] = 1
    trainable = {n for n, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False)}
    frozen = {*training["frozen_components"]} - {name}
    encoders = set(find_upstream(nlp, name))
    own = {n for n in encoders - frozen if not is_shared(nlp, n, name)}
    annotating = [*training["annotating_components"]]
    # What an encoder that stays as it is finds is read from the documents.
    annotating += sorted(encoders - own - set(annotating))
    training.update(
        train_corpus="corpora.train",
        dev_corpus="corpora.dev",
        frozen_components=sorted((frozen | trainable) - {name, *own}),
        annotating_components=annotating,
        seed=seed,
        max_steps=steps,
        max_epochs=0,
        # The dev corpus is for the comparison. What is best on a few checks is often
        # chance.
        patience=0,
        eval_frequency=steps + 1,
        logger={"@loggers": "spacy.ConsoleLogger.v3", "progress_bar": "train"},
        optimizer=_shorten(training["optimizer"], steps, n_all),
    )
    config["training"] = training
    return Config(config)


def find_upstream(nlp: Language, name: str) -> List[str]:
    """RETURNS (List[str]): The encoders that a component listens to."""
    pipes = nlp.pipeline
    return [n for n, pipe in pipes if name in getattr(pipe, "listening_components", ())]


def is_shared(nlp: Language, encoder: str, name: str) -> bool:
    """RETURNS (bool): Whether others than a component listen to its encoder, which is
    part of what they have learned.
    """
    pipe: Any = nlp.get_pipe(encoder)
    return bool({*pipe.listening_components} - {name})


def _make_reader(block: Dict[str, Any], path: Path) -> Dict[str, Any]:
    usual = {"@readers": READER}
    return {**(block if block.get("@readers") == READER else usual), "path": str(path)}


def _shorten(optimizer: Dict[str, Any], steps: int, n_all: int) -> Dict[str, Any]:
    """Let the learning rate fall to zero in these steps."""
    shorter = {**optimizer, "use_averages": False}
    rate = optimizer.get("learn_rate")
    if isinstance(rate, dict) and "total_steps" in rate:
        warmup = rate.get("warmup_steps", 0) * steps / max(n_all, 1)
        steps_of = {"total_steps": steps, "warmup_steps": round(warmup)}
        shorter["learn_rate"] = {**rate, **steps_of}
    return shorter
