from spacy.errors import ErrorsWithCodes


# fmt: off
class JobErrors(metaclass=ErrorsWithCodes):
    # L7xx: jobs over many rows, and the loop of new texts and categories
    L701 = ("'{name}' has to be {expected}, but got {found!r}.")
    L702 = ("The table has columns named {taken}, like those that are added with the "
            "prefix {prefix!r}. Choose another prefix, or rename them.")
    L703 = ("The table has no column {column!r} for the text. Its columns are: "
            "{columns}. Name the right one with --text, or text in code.")
    L704 = ("The column {column!r} can't be the text: it is {found}, but has to be one "
            "column of strings or numbers. Name another one, or write its text in a "
            "column of its own.")
    L705 = ("The second phase needs the table that the first one has made, which ends "
            "with the columns {first}, but got one with {columns}. Run the phase "
            "'first', with the same pipeline and options, and give what it returns.")
    L706 = ("There is no text in this row.")
    L707 = ("The text has {n:,} characters, but the pipeline takes {most:,} at most, "
            "nlp.max_length. Split it, or leave it out.")
    L708 = ("No component has decided about this text.")
# fmt: on
