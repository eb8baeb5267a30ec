"""What a component knows of the pipeline that it is in, and what the config of that
pipeline says of the component.
"""

import sys
from typing import Any, Dict, Mapping, Optional

from spacy.language import Language
from spacy.pipeline import Pipe

from ..errors import Errors
from ..settings import CheckedSettings, is_same


def make_name_property() -> Any:
    """Make the property `name` of a component. Whenever spaCy adds, sources, renames or
    loads a component, it sets its name, but doesn't say in which pipeline.

    RETURNS (Any): A property. When it is set, it calls the component's `enter` with the
        pipeline, or None if it's set by something else.
    """
    # Methods of spaCy's that are compiled read this one.
    slot: Any = vars(Pipe)["name"]

    def change(pipe: Any, name: str) -> None:
        slot.__set__(pipe, name)
        owner = sys._getframe(1).f_locals.get("self")
        pipe.enter(owner if isinstance(owner, Language) else None)

    return property(slot.__get__, change)


def find_name(nlp: Language, pipe: Any) -> Optional[str]:
    """RETURNS (Optional[str]): What a pipeline calls a component, None if it's not in
    there.
    """
    found = (name for name, component in nlp.components if component is pipe)
    return next(found, None)


def write_config(nlp: Language, pipe: Any, key: str, value: Any) -> None:
    """Let the config of a pipeline say what a setting of a component is now."""
    name = find_name(nlp, pipe)
    if name is not None:
        nlp.get_pipe_config(name)[key] = value


def read_changes(
    nlp: Language, pipe: Any, made: CheckedSettings, saved: Mapping[str, Any]
) -> Dict[str, Any]:
    """Find out where the config that spaCy is loading differs from the settings that
    were saved with a component: it's that of the saved pipeline, but it could be edited
    since, and be overridden at load time.

    made (CheckedSettings): What the component was made with, by the same config.
    saved (Mapping[str, Any]): JSON values by name.
    RETURNS (Dict[str, Any]): By name, JSON values. Empty if the component is loaded by
        itself.
    """
    name = find_name(nlp, pipe)
    if name is None:
        return {}
    # It's loaded right before the components. The public property would replace it by
    # what they were made with; the blocks in it are the same objects then.
    own, found = nlp.get_pipe_config(name), nlp._config["components"].get(name, {})
    if any(isinstance(part, dict) and part is own.get(k) for k, part in found.items()):
        return {}
    values = {
        # A variable has had its value when the component was made.
        key: value if "${" in str(found[key]) else found[key]
        for key, value in made.get_configured_values().items()
        if key in found
    }
    return {k: v for k, v in values.items() if not is_same(v, saved.get(k))}


def take_settings(
    pipe: Any, nlp: Optional[Language], saved: CheckedSettings, separator: str
) -> None:
    """Give a component the settings that were saved with it, but for what the config
    says since.

    nlp (Optional[Language]): Its pipeline, None if the config doesn't say.
    separator (str): That of the labels that it was trained with.
    RAISES (ValueError): L370 if the config has another one, or that of a setting.
    """
    values, changes = saved.to_dict(), {}
    if nlp is not None:
        changes = read_changes(nlp, pipe, pipe.settings, values)
    pipe.settings.update(values)
    for name, value in changes.items():
        # What was fitted before a change is forgotten with it.
        setattr(pipe if hasattr(type(pipe), name) else pipe.settings, name, value)
    found = pipe.settings.separator
    if found != separator:
        text = Errors.L370.format(name=pipe.name, found=found, trained=separator)
        raise ValueError(text)
