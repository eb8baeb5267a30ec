"""The options of the commands that read tables. A command asks for those it takes by
the names of its parameters, 'columns' and 'dialect'.
"""

from inspect import Parameter, signature
from typing import Any, Callable, Dict, List, Optional, Tuple

from spacy.cli._util import Opt

# fmt: off
COLUMNS = {
    "text": (List[str], Opt(["text"], "--text", "-t", help="Column of the text; several are joined")),
    "label": (List[str], Opt([], "--label", "-l", help="Column of the label, a path; or one for each level, from the top  [default: label]")),
    "labels": (Optional[str], Opt(None, "--labels", help="Column of lists of labels, instead of --label")),
    "path_separator": (Optional[str], Opt(None, "--path-separator", "-p", help="What joins the segments of a label in the table, for example ' > ', if it isn't --separator")),
    "separator": (str, Opt("/", "--separator", help="What joins the segments of a label")),
    "list_separator": (str, Opt(";", "--list-separator", help="What separates the labels in a cell of --labels, in CSV and Excel")),
    "keep_na": (bool, Opt(False, "--keep-na", help="Take NA, None, nan, - and the like for labels")),
}
DIALECT = {
    "encoding": (str, Opt("utf-8", "--encoding", help="Encoding of text files")),
    "delimiter": (Optional[str], Opt(None, "--delimiter", help="Between the cells of CSV, \\t for a tab  [default: , or tab; or ; if that is all that the header has]")),
    "quotes": (Optional[bool], Opt(None, "--quotes/--no-quotes", help="Whether quotes are around cells of CSV and TSV, or are text")),
    "header": (bool, Opt(True, "--header/--no-header", help="Whether the first row has the names of the columns; otherwise they are 1, 2 and so on")),
    "sheet": (Optional[str], Opt(None, "--sheet", help="Sheet of an Excel file, by default the first")),
}
# fmt: on
GROUPS: Dict[str, Dict[str, Tuple[Any, Any]]] = {"columns": COLUMNS, "dialect": DIALECT}


def expand_options(function: Callable[..., None]) -> List[Parameter]:
    """RETURNS (List[Parameter]): Those of a command, with options in place of groups."""
    parameters: List[Parameter] = []
    for parameter in signature(function).parameters.values():
        options = GROUPS.get(parameter.name)
        parameters += [parameter] if options is None else _make_parameters(options)
    return parameters


def collect_options(function: Callable[..., None], values: Dict[str, Any]) -> None:
    """Replace the values of options by those of the groups that a command asks for."""
    from ..tables.columns import Columns

    names = signature(function).parameters
    if "columns" in names:
        found = {name: values.pop(name) for name in COLUMNS}
        found.update(text=tuple(found["text"]), label=tuple(found["label"]))
        values["columns"] = Columns(**found)
    if "dialect" in names:
        values["dialect"] = {name: values.pop(name) for name in DIALECT}


def _make_parameters(options: Dict[str, Tuple[Any, Any]]) -> List[Parameter]:
    return [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
