"""What a layer makes of its parameters, kept as long as they are what they were."""

from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

from thinc.api import Model
from thinc.backends import ParamServer
from thinc.types import FloatsXd

MadeT = TypeVar("MadeT")


class WatchedParams(ParamServer):
    """Parameters of a layer that notice when they may have changed.

    An optimizer changes an array in place, between the call that reads it and the one
    that sets it again. So both count: whoever has been given an array may have written
    to it. Only one who keeps it, and writes to it after others have predicted, has to
    set it then.

    state (object): Another one after each such call.
    kept (Optional[Tuple[Any, ...]]): What was made, and of what. Neither copied nor
        saved.
    """

    def __init__(self, params: ParamServer) -> None:
        super().__init__(proxy=params.proxy)
        # The very same, which another thread can be changing.
        self._params, self._grads = params._params, params._grads
        self.state = object()
        self.kept: Optional[Tuple[Any, ...]] = None

    def get_param(self, model_id: int, name: str) -> FloatsXd:
        self.state = object()
        return super().get_param(model_id, name)

    def set_param(self, model_id: int, name: str, value: FloatsXd) -> None:
        super().set_param(model_id, name, value)
        self.state = object()

    def look_at(self, model: Model) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The parameters by name, for one who only reads."""
        return {
            name: self._params[model.id, name]
            for name in model.param_names
            if model.has_param(name)
        }

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "state": None, "kept": None}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state, state=object())


def keep(model: Model, make: Callable[[Dict[str, Any]], MadeT]) -> MadeT:
    """Make something of a layer's parameters and attributes, or return what was made
    before of the same ones. The layer has to be one that always makes the same.

    make (Callable[[Dict[str, Any]], MadeT]): Takes the parameters by name.
    """
    if not isinstance(model._params, WatchedParams):
        model._params = WatchedParams(model._params)
    params = model._params
    if params.proxy is not None:
        # They come from elsewhere, and can be others each time.
        return make({name: model.get_param(name) for name in model.param_names})
    # Seen before they are read, so that what changes meanwhile is noticed next time.
    seen = (params.state, *model.attrs.values())
    kept = params.kept
    if kept is not None and len(kept[0]) == len(seen):
        if all(now is then for now, then in zip(seen, kept[0])):
            return kept[1]
    made = make(params.look_at(model))
    params.kept = seen, made
    return made
