from typing import Any, Optional

from spacy.language import Language

from ...errors import Errors
from ..home import find_name, write_config
from ..kinds.base import get_factories
from ..textcat import TextCategorizer


class SourceLink:
    """Finds the first stage of a fallback in the pipeline that both are in, also after
    one was renamed, or both were sourced into another pipeline.

    fallback (Any): The component; it knows its pipeline.
    name (str): What its config calls the first stage.
    """

    def __init__(self, fallback: Any, name: str) -> None:
        self.fallback = fallback
        self._name = name
        self._found: Optional[TextCategorizer] = None

    @property
    def name(self) -> str:
        """RETURNS (str): Name of the first stage in the pipeline, as it is now."""
        self.find()
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name, self._found = name, None
        self.write_name()

    def find(self) -> Optional[TextCategorizer]:
        """RETURNS (Optional[TextCategorizer]): The first stage that it had, if that is
        in the pipeline, or else the component of its name.
        """
        nlp: Language = self.fallback.nlp
        name = None if self._found is None else find_name(nlp, self._found)
        if name is None:
            found = dict(nlp.components).get(self._name)
            self._found = found if isinstance(found, TextCategorizer) else None
        elif name != self._name:
            self._name = name
            self.write_name()
        return self._found

    def write_name(self) -> None:
        """Let the config of the pipeline say the name that the first stage has now."""
        write_config(self.fallback.nlp, self.fallback, "source", self._name)

    def get(self) -> TextCategorizer:
        """RETURNS (TextCategorizer): The first stage.

        RAISES (ValueError): L330 if there is none, L331 if it comes later.
        """
        source, names = self.find(), self.fallback.nlp.component_names
        own, name = self.fallback.name, self._name
        if source is None:
            text = Errors.L330.format(
                name=own,
                source=name,
                factories=" or ".join(map(repr, get_factories())),
                found=names,
            )
            raise ValueError(text)
        if own in names and names.index(own) < names.index(name):
            raise ValueError(Errors.L331.format(name=own, source=name))
        return source
