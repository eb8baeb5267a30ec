"""What a component for text categories saves: a cfg and a model, which know whether
they belong together.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any, Dict, Iterable, NamedTuple, Optional, Tuple

import numpy
import srsly
from spacy.vocab import Vocab
from thinc.api import Model

from ..encoders import contract
from ..errors import Errors
from ..saved import (
    check_keys,
    check_number,
    check_texts,
    check_type,
    explain_damage,
    get_digest,
    read_json,
    read_msgpack,
    refuse,
    write_json,
)
from ..taxonomy import Taxonomy
from .beside import check_beside
from .kinds.base import LabelKind
from .trained import TrainingTexts

# 1: without digests, and the config didn't say what the settings are.
FORMAT = 2
# Settings that files of either can lack, since they came later: as they were before.
LATER: Dict[str, Any] = {"one_other": False}
CFG, MODEL = PARTS = "cfg", "model"
# What each part is called in messages, and its bytes; none that is excluded.
FoundT = Dict[str, Tuple[Any, bytes]]


class Loaded(NamedTuple):
    """What was read.

    cfg (Dict[str, Any]): As it was saved. The rest is None if it was excluded.
    settings (Any): Those of the component.
    digest (Optional[str]): That of the loaded model, None in the first format.
    """

    cfg: Dict[str, Any]
    settings: Any
    taxonomy: Optional[Taxonomy]
    trained: Any
    digest: Optional[str]


def pack_parts(
    cfg: Dict[str, Any], model: Model, exclude: Iterable[str]
) -> Tuple[Dict[str, bytes], Optional[str]]:
    """RETURNS (Tuple[Dict[str, bytes], Optional[str]]): The parts, and the digest of
    the model. The cfg has it, and its own.
    """
    parts: Dict[str, bytes] = {}
    digest = None
    if MODEL not in exclude:
        parts[MODEL] = contract.save_model(model)
        digest = get_digest(parts[MODEL])
    if CFG not in exclude:
        # What is read is JSON, which has no tuples, for example.
        found = read_json(write_json({**cfg, "format": FORMAT, "model": digest}))
        parts[CFG] = write_json({**found, "digest": get_digest(found)})
    # In the order in which they are written: a cfg without its model can't be read.
    return {part: parts[part] for part in PARTS if part in parts}, digest


def get_model_digest(model: Model) -> str:
    """RETURNS (str): That of the weights, as pack_parts gives it."""
    return get_digest(contract.save_model(model))


def join_parts(parts: Dict[str, bytes], vocab: Vocab, exclude: Iterable[str]) -> bytes:
    if "vocab" not in exclude:
        parts = {**parts, "vocab": vocab.to_bytes(exclude=exclude)}
    return srsly.msgpack_dumps(parts)


def write_files(
    path: Path, parts: Dict[str, bytes], vocab: Vocab, exclude: Iterable[str]
) -> None:
    path.mkdir(exist_ok=True)
    for part, data in parts.items():
        (path / part).write_bytes(data)
    if "vocab" not in exclude:
        vocab.to_disk(path / "vocab", exclude=exclude)


def read_files(path: Path, name: str, vocab: Vocab, exclude: Iterable[str]) -> FoundT:
    """RETURNS (FoundT): The parts in the folder of a component.
    RAISES (ValueError): L360 if one is missing.
    """
    found = {}
    for part in PARTS:
        if part not in exclude:
            with explain_damage(path / part, name):
                found[part] = path / part, (path / part).read_bytes()
    if "vocab" not in exclude:
        vocab.from_disk(path / "vocab", exclude=exclude)
    return found


def split_parts(data: bytes, name: str, vocab: Vocab, exclude: Iterable[str]) -> FoundT:
    """RETURNS (FoundT): The parts in what join_parts or, before, spaCy gave.
    RAISES (ValueError): L360 if one is missing.
    """
    with explain_damage("what was saved", name):
        parts = check_type(read_msgpack(data), dict, "it")
        if isinstance(parts.get(CFG), str):
            parts[CFG] = parts[CFG].encode("utf8")
        for part in ("vocab", *PARTS):
            if part not in exclude:
                check_type(parts.get(part), bytes, f"the part {part!r}")
    if "vocab" not in exclude:
        vocab.from_bytes(parts["vocab"], exclude=exclude)
    return {p: (f"the part {p!r}", parts[p]) for p in PARTS if p not in exclude}


def read_parts(pipe: Any, found: FoundT, folder: Optional[Path] = None) -> Loaded:
    """Read the cfg of a component, and load its model.

    folder (Optional[Path]): That of the pipeline.
    RAISES (ValueError): L305 if a newer version wrote it, L203 or L204, see RowTable,
        or L360.
    """
    loaded = Loaded({}, None, None, None, None)
    if CFG in found:
        place, data = found[CFG]
        with explain_damage(place, pipe.name):
            loaded = _read_cfg(data, pipe.kind, pipe.name)
    beside = loaded.cfg.pop("beside", {})
    if folder is not None and (folder / "config.cfg").is_file():
        check_beside(pipe, folder, beside)
    if MODEL in found:
        place, data = found[MODEL]
        with explain_damage(place, pipe.name):
            if loaded.digest is not None and get_digest(data) != loaded.digest:
                refuse(f"it isn't the one that '{CFG}' beside it was saved with")
            taxonomy = loaded.taxonomy or (pipe.taxonomy if pipe.labels else None)
            contract.load_model(pipe.model, data, taxonomy)
    return loaded


def _read_cfg(data: bytes, kind: LabelKind, name: str) -> Loaded:
    cfg = read_json(data)
    found = check_type(cfg.get("format"), int, "'format'")
    if found > FORMAT:
        raise ValueError(Errors.L305.format(found=found, known=FORMAT))
    digest, model = cfg.pop("digest", None), None
    names = [field.name for field in fields(kind.settings)]
    saved = {**LATER, **cfg}
    settings = kind.settings_type.from_dict({n: saved[n] for n in names if n in saved})
    taxonomy = Taxonomy.from_dict(cfg.get("taxonomy", {}))
    kind.check_saved(settings, taxonomy)
    _check_names(cfg.get("names"), len(taxonomy.leaves))
    prior = check_type(cfg.get("log_prior", []), list, "'log_prior'")
    if "log_prior" in cfg and len(prior) != len(taxonomy.leaves):
        refuse(f"'log_prior' has {len(prior)} numbers")
    for value in prior:
        check_number(value, "'log_prior'")
    trained = TrainingTexts.from_dict(cfg, name)
    # The last, for a message about what was changed if that can be told.
    if found == 1:
        check_keys(saved, [*names, "format", "names", "taxonomy"], "it")
    elif digest != get_digest(cfg):
        refuse("its content isn't what was saved")
    else:
        model = check_type(cfg.pop("model", None), (str, type(None)), "'model'")
        check_type(cfg.get("beside", {}), dict, "'beside'")
    return Loaded(cfg, settings, taxonomy, trained, model)


def get_prior(cfg: Dict[str, Any]) -> Optional[numpy.ndarray]:
    """RETURNS (Optional[numpy.ndarray]): The log_prior of the loss that a component was
    trained with, (leaves,). None if that wasn't saved.
    """
    saved = cfg.get("log_prior")
    return None if saved is None else numpy.asarray(saved, dtype="float32")


def _check_names(names: Any, n_leaves: int) -> None:
    """RAISES (DamagedError): L361 if they aren't the words of the texts of so many
    leaves.
    """
    if len(check_type(names, list, "'names'")) != n_leaves:
        refuse(f"'names' has {len(names)} labels, the taxonomy {n_leaves}")
    for texts in names:
        if not check_type(texts, list, "'names'"):
            refuse("a label has no name")
        for words in texts:
            check_texts(words, "a name")
