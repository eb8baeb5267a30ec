from typing import Mapping

from spacy.language import Language

from .result import Comparison

PREFIX = "longtail_"


def update_performance(
    nlp: Language, scores: Mapping[str, Comparison], *, is_same: bool
) -> None:
    """Bring the scores in the meta of a pipeline, which are those of its training, up
    to date: those that were measured are replaced, the other ones of this package
    dropped, because they are of other settings. The losses of training stay.

    scores (Mapping[str, Comparison]): By name, as tune finds them.
    is_same (bool): Whether the settings are still the same. All stays then.
    """
    if is_same:
        return
    found = {}
    for key, value in nlp.meta.get("performance", {}).items():
        name = key[len(PREFIX) :]
        if not key.startswith(PREFIX) or key.endswith("_loss"):
            found[key] = value
        elif name in scores:
            found[key] = scores[name].after.value
    nlp.meta["performance"] = found
