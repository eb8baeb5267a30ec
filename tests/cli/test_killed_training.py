"""`spacy train` is killed wherever it changes the disk. It writes over what is there,
file by file: what it leaves is a checkpoint, or says that it's none.
"""

import os
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from spacy.cli.train import train

from spacy_longtail.loading import load_pipeline

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be copied"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "efficiency.cfg"
TEXTS = ["my card and loan", "a room and breakfast", "oven or tax form", ""]
# Training steps, and of how many changes of the disk one is the last.
N_STEPS, EVERY = 4, 7


def predict(nlp):
    return [(doc.cats, doc._.longtail.label) for doc in nlp.pipe(TEXTS)]


def read_saved(path):
    """Answers and score of a pipeline that a training has left, None if there is none
    or it can't be loaded. And whether loading said that they don't belong together.
    """
    if not path.exists():
        return None, False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            nlp = load_pipeline(str(path))
        except ValueError as error:
            assert str(error).startswith(("[L360]", "[L601]"))
            return None, False
    is_said = any("[LW305]" in str(warning.message) for warning in caught)
    return (predict(nlp), nlp.meta["performance"]["longtail_macro_f"]), is_said


@pytest.fixture
def checkpoints():
    """Answers and score at each checkpoint."""
    found = []

    def note(nlp):
        found.append((predict(nlp), nlp.meta["performance"]["longtail_macro_f"]))
        return nlp

    spacy.registry.callbacks("test.note.v1", func=lambda: note)
    return found


@pytest.fixture
def run_training(tickets_dir, tmp_path, checkpoints):
    values = {
        "paths.train": str(tickets_dir / "dev.spacy"),
        "paths.dev": str(tickets_dir / "dev.spacy"),
        "training.max_steps": N_STEPS,
        "training.eval_frequency": 2,
        "training.optimizer.learn_rate.total_steps": N_STEPS,
        "training.before_to_disk.@callbacks": "test.note.v1",
    }

    def call():
        with open(os.devnull, "w") as null, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out, err, sys.stdout, sys.stderr = sys.stdout, sys.stderr, null, null
            try:
                train(CONFIG, tmp_path / "out", overrides=values)
            finally:
                sys.stdout, sys.stderr = out, err
        return SimpleNamespace(output="done")

    return call


def die():
    os._exit(9)


def test_what_a_killed_training_leaves_is_a_checkpoint_or_says_that_it_is_none(
    run_training, run_with_fault, checkpoints, tmp_path
):
    out = tmp_path / "out"
    run_training()
    known, final = list(checkpoints), read_saved(out / "model-last")[0]
    # Before the first step, after each two, and in the end.
    assert len(known) == 2 + N_STEPS // 2 and final[0] == known[-1][0]
    n_faults, said, n_said = 0, None, 0
    while said != "not reached":
        shutil.rmtree(out, ignore_errors=True)
        said = run_with_fault(run_training, tmp_path, die, n_faults)
        for name in ("model-last", "model-best"):
            found, is_said = read_saved(out / name)
            n_said += is_said
            if found is not None and not is_said:
                # Scores are saved with ten digits.
                near = [score for answers, score in known if answers == found[0]]
                assert pytest.approx(found[1], abs=1e-9) in near
        n_faults += EVERY
    assert n_faults > 5 * EVERY
    shutil.rmtree(out / "model-last" / "vocab", ignore_errors=True)
    run_training()
    assert read_saved(out / "model-last")[0] == final
