import pytest

from spacy_longtail.explain.words import Word, tabulate_words, weigh_words


def make_words(*contributions):
    return [Word(f"w{i}", " ", value, 0.5) for i, value in enumerate(contributions)]


def test_word_that_counts_most_has_a_strength_of_one():
    strengths = [strength for _, strength in weigh_words(make_words(1.0, -4.0, 0.0))]
    assert strengths == [0.25, -1.0, 0.0]


@pytest.mark.parametrize("words", [[], make_words(0.0)])
def test_words_that_say_nothing_are_not_marked(words):
    assert [strength for _, strength in weigh_words(words)] == [0.0] * len(words)


def test_table_has_the_words_that_count_most():
    words = make_words(*range(-6, 6))
    shifts = [("(bias)", 0.25), ("(prior)", None), ("(nothing)", 0.0)]
    table = tabulate_words("Why", words, shifts, [("all", -1.0)])
    assert table.rows[0] == ("w0", "-6.00", "+0.50")
    assert table.rows[10:] == [("(bias)", "+0.25", ""), ("all", "-1.00", "")]
    (line,) = table.lines
    assert line.text == "".join(word.text + word.space for word in words)
    assert line.marks[0] == ("w0", " ", -1.0)


def test_table_has_no_column_of_neighbours_if_nothing_is_known_of_them():
    words = [Word("card", " ", 1.0, 0.0), Word("lost", "", 2.0, 0.0)]
    table = tabulate_words("Why", words, [], [("all", 3.0)])
    assert table.header == ("word", "counts") and table.aligns == "lr"
    assert table.rows == [("lost", "+2.00"), ("card", "+1.00"), ("all", "+3.00")]
