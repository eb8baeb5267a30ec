"""What else is in the folder of a pipeline that the answers of a component depend on:
a component remembers it, so that a folder that is half old and half new is noticed.
"""

import warnings
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, Dict, List

import srsly
from spacy.util import make_tempdir

from ..encoders import contract
from ..errors import Warnings
from ..saved import explain_damage, get_digest, refuse

VOCAB, META = "vocab", "meta.json"
# Files of spaCy's, as far as they have a part in answers.
IN_VOCAB = ("key2row", "lookups.bin", "vectors")
# Of bigger files it would cost too much.
MAX_BYTES = 1 << 26


def look_beside(pipe: Any, folder: Path) -> Dict[str, str]:
    """RETURNS (Dict[str, str]): The digest of each file that is there, and of the
    scores in the meta.
    """
    found = _get_digests(folder, _list_saved_before(pipe))
    found.update(_get_digests(folder, [f"{VOCAB}/{name}" for name in IN_VOCAB]))
    return found


def foresee_beside(pipe: Any, folder: Path) -> Dict[str, str]:
    """RETURNS (Dict[str, str]): What look_beside will find when the pipeline is saved.
    Its vocabulary is written after all components: until then there's none, or that of
    an earlier pipeline.
    """
    found = _get_digests(folder, _list_saved_before(pipe))
    vocab = pipe.vocab
    if (folder / "config.cfg").is_file() and vocab.vectors.data.nbytes <= MAX_BYTES:
        with make_tempdir() as there:
            vocab.to_disk(there / VOCAB, exclude=["strings"])
            names = [f"{VOCAB}/{name}" for name in IN_VOCAB]
            found.update(_get_digests(there, names))
    return found


def check_beside(pipe: Any, folder: Path, beside: Dict[str, str]) -> None:
    """Compare what is there with what there was when a component was saved. Warns with
    LW305 if only the scores are others, and with LW306 if a part of the vocabulary is
    missing, as it can be left out on purpose.

    RAISES (ValueError): L360 if a file is another one.
    """
    now = look_beside(pipe, folder)
    missing = [x for x in sorted(beside) if x.startswith(VOCAB) and x not in now]
    for file in sorted(set(beside).difference(missing, [META])):
        with explain_damage(folder / file, pipe.name):
            if now.get(file) != beside[file]:
                refuse(f"it isn't the one that {pipe.name!r} was saved beside")
    if missing:
        files = ", ".join(str(folder / file) for file in missing)
        warnings.warn(Warnings.LW306.format(files=files, name=pipe.name), stacklevel=2)
    if META in beside and now.get(META) != beside[META]:
        text = Warnings.LW305.format(file=folder / META, name=pipe.name)
        warnings.warn(text, stacklevel=2)


def _list_saved_before(pipe: Any) -> List[str]:
    """What spaCy writes before a component."""
    names = [META, "tokenizer"]
    if pipe.nlp is not None and contract.is_listening(pipe.model.get_ref("encoder")):
        before = takewhile(lambda pair: pair[1] is not pipe, pipe.nlp.components)
        names += [f"{n}/model" for n, p in before if hasattr(p, "find_listeners")]
    return names


def _get_digests(folder: Path, names: List[str]) -> Dict[str, str]:
    files = {name: folder / name for name in names}
    return {
        name: _get_scores(file) if name == META else get_digest(file.read_bytes())
        for name, file in files.items()
        if file.is_file() and file.stat().st_size <= MAX_BYTES
    }


def _get_scores(file: Path) -> str:
    """The digest of the scores in a meta, all of which else may be edited."""
    meta = None
    # Whoever reads all of it says what is wrong.
    with suppress(ValueError):
        meta = srsly.read_json(file)
    return get_digest(meta.get("performance") if isinstance(meta, dict) else None)
