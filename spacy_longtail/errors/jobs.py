from spacy.errors import ErrorsWithCodes


# fmt: off
class JobErrors(metaclass=ErrorsWithCodes):
    # L7xx: jobs over many rows, and the loop of new texts and categories
    pass
# fmt: on
