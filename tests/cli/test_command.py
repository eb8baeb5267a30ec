import pytest
import typer
from typer.testing import CliRunner

from spacy_longtail.cli.command import print_remark, print_result
from spacy_longtail.presentation import Remark, TextTable

MARKED = Remark("marked", "my card", [("my", " ", 0.05), ("card", "", -0.9)])


class Result:
    def tables(self):
        rows = [("card", "1"), ("hotel", "12")]
        return [
            TextTable("Words", ("word", "n"), rows, "lr", [Remark("plain", "  two")]),
            TextTable("Nothing", ("word", "n")),
            TextTable("", lines=[MARKED]),
        ]

    def remarks(self):
        return [Remark("warn", "That's few.")]


def test_tables_are_printed_before_remarks(capsys):
    print_result(Result())
    printed = capsys.readouterr().out
    order = ["= Words =", "\n  two\n", "card     1\n", "\nmy card\n", "That's few."]
    places = [printed.index(part) for part in order]
    assert places == sorted(places)
    assert "Nothing" not in printed


def test_columns_are_as_wide_as_their_longest_cell(capsys):
    class Long(Result):
        def tables(self):
            rows = [("a text of more than thirty characters", "1"), ("short", "12")]
            return [TextTable("", ("text", "n"), rows, "lr")]

    print_result(Long())
    lines = capsys.readouterr().out.splitlines()[1:5]
    assert {len(line.rstrip()) for line in lines} == {37 + 3 + 2}


@pytest.mark.parametrize("is_terminal", [False, True])
def test_words_are_coloured_in_a_terminal_only(is_terminal):
    app = typer.Typer()
    app.command()(lambda: print_remark(MARKED))
    result = CliRunner().invoke(app, color=is_terminal)
    red = "\x1b[1;38;5;1mcard\x1b[0m"
    assert result.stdout == f"my {red if is_terminal else 'card'}\n"
