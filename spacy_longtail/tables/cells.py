"""From the value of a cell to a text, to the segments of a label or to a list."""

import ast
import json
import math
import re
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Callable, List, Optional

from ..errors import Errors

# What programs write where there is no value: those that pandas reads like that, the
# errors of Excel, and a dash.
MARKS = frozenset(
    "#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|"
    "None|n/a|nan|null|NAN|Null|NaT|nat|#REF!|#DIV/0!|#VALUE!|#NAME?|#NUM!|#NULL!|"
    "-|--|–|—".split("|")
)
MARK = "NA"
SURROGATE = re.compile(r"[\ud800-\udfff]")
# A list as Python writes it: names in quotes, numbers and None.
ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|None|True|False)"""
LIST = re.compile(rf"[\[(]\s*(?:{ITEM}\s*(?:,\s*{ITEM}\s*)*(?:,\s*)?)?[\])]")
CLOSING = {"[": "]", "(": ")", "{": "}"}
# Characters of a list in a cell.
MAX_LIST = 100_000

# Counts something that is remarkable.
NoteT = Callable[[str], None]


def is_missing(value: Any) -> bool:
    """RETURNS (bool): Whether there is no value."""
    if isinstance(value, str):
        return not value.strip()
    # Only NaN and the like differ from themselves.
    return value is None or bool(value != value)


def to_text(value: Any, where: str, note: NoteT) -> str:
    """Read a cell as a text, which it is or is part of.

    RAISES (ValueError): L635 if it's no text, L636 if it has half a character.
    """
    if not isinstance(value, str):
        is_number = isinstance(value, (int, float, Decimal, date, time, timedelta))
        if isinstance(value, bool) or not is_number:
            message = Errors.L635.format(
                where=where, value=show_value(value), type=type(value).__name__
            )
            raise ValueError(message)
        note("number_text")
    elif value.strip() in MARKS:
        note("mark_text")
    text = str(value)
    check_characters(text, where)
    return text


def to_segment(value: Any, where: str, note: NoteT) -> str:
    """Read a cell as a label or as one level of it.

    RAISES (ValueError): L617 if it's no name, L618 if it's a measurement, L636 if it
        has half a character.
    """
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (float, Decimal)):
        if not math.isfinite(value) or value != int(value):
            raise ValueError(Errors.L618.format(where=where, value=value))
        note("whole_float")
        value = int(value)
    is_list = isinstance(value, (list, tuple, set, dict))
    if is_list or isinstance(value, str) and looks_like_list(value):
        hint = "--labels for a column of lists"
        raise _make_error(where, value, "one name", hint)
    if not isinstance(value, (str, int)):
        hint = f"text in place of the type {type(value).__name__}"
        raise _make_error(where, value, "a string", hint)
    text = str(value)
    check_characters(text, where)
    return text


def to_list(value: Any, where: str, list_separator: Optional[str]) -> List[Any]:
    """Read a cell as a list of labels.

    list_separator (Optional[str]): What separates them if the cell is a string, None
        if the format has lists.
    RAISES (ValueError): L617 if it isn't one, L637 if it's a list that can't be read.
    """
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str) and looks_like_list(value):
        return parse_list(value.strip(), where)
    if list_separator is None:
        hint = "--label for one label a row"
        raise _make_error(where, value, "a list of labels", hint)
    return value.split(list_separator) if isinstance(value, str) else [value]


def looks_like_list(text: str) -> bool:
    """RETURNS (bool): Whether a string is meant as a list, well-formed or not. One like
    "[other]" or "(a, b)" isn't.
    """
    text = text.strip()
    if len(text) < 2 or CLOSING.get(text[0]) != text[-1]:
        return False
    inside = text[1:-1].strip()
    if inside[:1] in ("'", '"'):
        return True
    if text[0] == "[":
        return not inside or "," in inside or inside.isdecimal()
    return text[0] == "{" and "," in inside


def parse_list(text: str, where: str) -> List[Any]:
    """Read a list as JSON or Python write it.

    RAISES (ValueError): L637 if it isn't one.
    """
    if len(text) <= MAX_LIST:
        try:
            found = json.loads(text)
            if isinstance(found, list):
                return found
        except (ValueError, RecursionError):
            pass
        # Python would join two strings that no comma separates, like those of NumPy.
        if LIST.fullmatch(text):
            try:
                return list(ast.literal_eval(text))
            except (ValueError, SyntaxError, TypeError):
                pass
    raise ValueError(Errors.L637.format(where=where, value=show_value(text)))


def check_characters(text: str, where: str) -> None:
    """RAISES (ValueError): L636 if there is half a character."""
    if not text.isascii() and (found := SURROGATE.search(text)):
        message = Errors.L636.format(where=where, found=found.group(), at=found.start())
        raise ValueError(message)


def show_value(value: Any) -> str:
    """RETURNS (str): The value for a message, in quotes."""
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:79] + "…"


def _make_error(where: str, value: Any, expected: str, hint: str) -> ValueError:
    """RETURNS (ValueError): L617."""
    text = Errors.L617.format(
        where=where, value=show_value(value), expected=expected, hint=hint
    )
    return ValueError(text)
