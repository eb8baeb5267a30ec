import json
from dataclasses import FrozenInstanceError
from itertools import product

import numpy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from spacy_longtail.taxonomy import (
    ROOT,
    Other,
    Taxonomy,
    build_taxonomy,
    check_settings,
    split_path,
)

# Ragged depth, labels that are really called "Other", a label at an inner node.
COUNTS = {
    "billing": 5,
    "billing/card/declined": 40,
    "billing/card/lost": 2,
    "billing/card/stolen": 3,
    "billing/Other": 30,
    "billing/refund": 1,
    "account": 25,
    "Other": 12,
    "travel/visa": 1,
}
SEGMENTS = ["a", "Other", "a:b"]
PATHS = [path for depth in range(1, 5) for path in product(SEGMENTS, repeat=depth)]
REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)


def get_others(taxonomy):
    """The pooling plan by names: the members of each parent's Other."""
    return {
        other.parent: [taxonomy.leaves[member] for member in other.members]
        for other in taxonomy.others
    }


@st.composite
def trees(draw):
    """Counts of labels and the keyword arguments of build_taxonomy."""
    separator = draw(st.sampled_from(["/", " > ", "::"]))
    paths = draw(st.sets(st.sampled_from(PATHS), min_size=2, max_size=14))
    inner = {path[:depth] for path in paths for depth in range(1, len(path))}
    assume(len(paths - inner) >= 2)
    labels = [separator.join(path) for path in sorted(paths)]
    counts = {label: draw(st.integers(0, 9)) for label in labels}
    keep = draw(st.lists(st.sampled_from(labels), max_size=2))
    min_count = draw(st.integers(0, 12))
    return counts, {"min_count": min_count, "keep": keep, "separator": separator}


def test_leaves_are_sorted_depth_first():
    taxonomy = build_taxonomy(COUNTS)
    assert taxonomy.leaves == (
        "Other",
        "account",
        "billing/Other",
        "billing/card/declined",
        "billing/card/lost",
        "billing/card/stolen",
        "billing/refund",
        "travel/visa",
    )
    assert taxonomy.counts == (12, 25, 30, 40, 2, 3, 1, 1)


def test_nodes_are_in_depth_first_order():
    counts = {"a/x": 1, "a/y/z": 1, "b": 1}
    assert build_taxonomy(counts).nodes == ("a", "a/x", "a/y", "a/y/z", "b")


def test_ranges_cover_the_leaves_below_a_node():
    ranges = build_taxonomy(COUNTS).ranges
    assert ranges["billing"] == (2, 7)
    assert ranges["billing/card"] == (3, 6)
    assert ranges["account"] == (1, 2)


def test_order_of_the_counts_does_not_matter():
    backwards = dict(reversed(COUNTS.items()))
    assert build_taxonomy(backwards, min_count=4) == build_taxonomy(COUNTS, min_count=4)


def test_label_with_others_below_is_an_inner_node():
    taxonomy = build_taxonomy(COUNTS)
    assert taxonomy.inner_counts == {"billing": 5}
    assert "billing" not in taxonomy.index


def test_inner_label_without_documents_has_no_count():
    taxonomy = build_taxonomy({"a": 0, "a/x": 1, "a/y": 1})
    assert taxonomy.inner_counts == {}
    assert taxonomy.leaves == ("a/x", "a/y")


def test_flat_labels_are_a_tree_of_depth_one():
    taxonomy = build_taxonomy({"b": 9, "a": 1, "c": 2}, min_count=3)
    assert taxonomy.leaves == taxonomy.nodes == ("a", "b", "c")
    assert get_others(taxonomy) == {ROOT: ["a", "c"]}


def test_path_and_parent_of_a_node():
    taxonomy = build_taxonomy(COUNTS)
    label = "billing/card/lost"
    assert taxonomy.path(label) == ("billing", "billing/card", label)
    assert taxonomy.parent(label) == "billing/card"
    assert taxonomy.path("account") == ("account",)
    assert taxonomy.parent("account") == ROOT


def test_separator_can_have_several_characters():
    taxonomy = build_taxonomy({"a > b": 1, "a > c/d": 1}, separator=" > ")
    assert taxonomy.nodes == ("a", "a > b", "a > c/d")
    assert taxonomy.parent("a > c/d") == "a"


def test_segments_are_split_from_the_left_everywhere():
    """In "a:::b" the separator can be found twice; path and parent have to agree."""
    counts = {"a:::b": 1, "a::c": 1, "d": 9}
    taxonomy = build_taxonomy(counts, min_count=2, separator="::")
    assert taxonomy.parent("a:::b") == "a"
    assert get_others(taxonomy) == {"a": ["a:::b", "a::c"]}


def test_nothing_is_pooled_by_default():
    taxonomy = build_taxonomy(COUNTS)
    assert taxonomy.others == ()
    assert taxonomy.pooled == frozenset()


def test_rare_siblings_are_pooled_in_the_other_of_their_parent():
    taxonomy = build_taxonomy(COUNTS, min_count=4)
    assert get_others(taxonomy) == {
        "billing/card": ["billing/card/lost", "billing/card/stolen"]
    }
    assert taxonomy.pooled == {"billing/card/lost", "billing/card/stolen"}
    assert_array_equal(taxonomy.other_of, [-1, -1, -1, -1, 0, 0, -1, -1])


def test_leaf_with_just_enough_documents_is_not_pooled():
    counts = {"a/x": 3, "a/y": 2, "a/z": 2}
    assert get_others(build_taxonomy(counts, min_count=3)) == {"a": ["a/y", "a/z"]}


def test_all_rare_leaves_can_share_one_other():
    counts = {"a/x": 9, "a/y": 1, "b/y": 0, "c": 9, "d/e/f": 2}
    taxonomy = build_taxonomy(counts, min_count=4, one_other=True)
    assert get_others(taxonomy) == {"": ["a/y", "b/y", "d/e/f"]}


def test_other_that_would_pool_one_leaf_keeps_the_leaf():
    """Also if a leaf further up could have kept it company."""
    taxonomy = build_taxonomy({"a/x": 9, "a/y": 1, "b": 1, "c": 9}, min_count=4)
    assert taxonomy.others == ()


def test_other_with_just_enough_documents_stays():
    counts = {"a/b/x": 2, "a/b/y": 3, "a/z": 1, "c": 9}
    taxonomy = build_taxonomy(counts, min_count=5)
    assert get_others(taxonomy) == {"a/b": ["a/b/x", "a/b/y"]}


def test_other_with_too_few_documents_moves_up():
    counts = {"a/b/x": 1, "a/b/y": 2, "a/b/v": 9, "a/z": 3, "c": 9}
    taxonomy = build_taxonomy(counts, min_count=5)
    assert get_others(taxonomy) == {"a": ["a/b/x", "a/b/y", "a/z"]}


def test_two_others_meet_in_that_of_their_ancestor():
    counts = {"a/b/w": 1, "a/b/x": 1, "a/c/y": 1, "a/c/z": 1, "d": 9}
    taxonomy = build_taxonomy(counts, min_count=3)
    assert get_others(taxonomy) == {"a": ["a/b/w", "a/b/x", "a/c/y", "a/c/z"]}


def test_other_moves_up_to_the_root_at_last():
    """There it stays, although it still has too few documents."""
    counts = {"a/b/x": 1, "a/b/y": 1, "c": 9, "d": 9}
    taxonomy = build_taxonomy(counts, min_count=5)
    assert get_others(taxonomy) == {ROOT: ["a/b/x", "a/b/y"]}


def test_labels_called_other_are_ordinary_labels():
    """They are two labels, and none of them is the Other that pools."""
    counts = {"Other": 9, "a/Other": 1, "a/x": 1, "a/y": 9, "Other/z": 8}
    taxonomy = build_taxonomy(counts, min_count=2)
    assert taxonomy.leaves == ("Other/z", "a/Other", "a/x", "a/y")
    assert taxonomy.inner_counts == {"Other": 9}
    assert taxonomy.others == (Other(parent="a", members=(1, 2)),)


def test_kept_leaf_is_never_pooled():
    counts = {"a/x": 1, "a/y": 1, "a/z": 1, "b": 9}
    taxonomy = build_taxonomy(counts, min_count=2, keep=["a/y"])
    assert get_others(taxonomy) == {"a": ["a/x", "a/z"]}


def test_keeping_an_inner_node_keeps_all_below():
    counts = {"a/b/x": 1, "a/b/y": 1, "a/b/z": 1, "a/v": 1, "a/w": 1, "c": 9}
    taxonomy = build_taxonomy(counts, min_count=2, keep=["a/b"])
    assert get_others(taxonomy) == {"a": ["a/v", "a/w"]}


def test_leaf_left_alone_by_keep_is_kept_too():
    counts = {"a/x": 1, "a/y": 1, "b": 9}
    assert build_taxonomy(counts, min_count=2, keep=["a/y"]).others == ()


@pytest.mark.parametrize(
    "label,columns",
    [
        ("account", [1]),
        ("billing/card/lost", [4, 5]),
        ("billing/card", [3, 4, 5]),
        ("billing", [2, 3, 4, 5, 6]),
    ],
    ids=["leaf", "pooled leaf", "inner node", "inner node of inner nodes"],
)
def test_compatible_columns_of_a_gold_label(label, columns):
    taxonomy = build_taxonomy(COUNTS, min_count=4)
    assert_array_equal(taxonomy.compatible(label), columns)


def test_members_of_an_other_elsewhere_are_compatible_with_each_other():
    """The ancestor's Other is what they are trained as, so both columns are right."""
    taxonomy = build_taxonomy({"a/x": 1, "a/y": 1, "b": 1, "c": 9}, min_count=3)
    assert_array_equal(taxonomy.compatible("a/x"), [0, 1, 2])
    assert_array_equal(taxonomy.compatible("a"), [0, 1])


def test_class_counts_share_the_mean_in_an_other():
    taxonomy = build_taxonomy({"a/x": 1, "a/y": 4, "b": 9}, min_count=5)
    assert_array_equal(taxonomy.class_counts, [2.5, 2.5, 9.0])


def test_label_without_documents_counts_as_half_a_document():
    taxonomy = build_taxonomy({"a": 0, "b": 3})
    assert taxonomy.counts == (0, 3)
    assert_array_equal(taxonomy.class_counts, [0.5, 3.0])


def test_taxonomy_cannot_be_changed():
    taxonomy = build_taxonomy(COUNTS)
    with pytest.raises(FrozenInstanceError):
        taxonomy.leaves = ("a", "b")


def test_taxonomy_written_without_inner_counts_is_read():
    data = build_taxonomy({"a": 1, "b": 1}).to_dict()
    del data["inner_counts"]
    assert Taxonomy.from_dict(data) == build_taxonomy({"a": 1, "b": 1})


@REPEATABLE
@given(trees())
def test_every_leaf_has_one_column(tree):
    counts, kwargs = tree
    taxonomy = build_taxonomy(counts, **kwargs)
    assert len(set(taxonomy.leaves)) == len(taxonomy.leaves) == len(taxonomy.counts)
    assert [taxonomy.index[leaf] for leaf in taxonomy.leaves] == list(
        range(len(taxonomy.leaves))
    )
    inner = {node for leaf in taxonomy.leaves for node in taxonomy.path(leaf)[:-1]}
    assert set(counts) <= inner | set(taxonomy.leaves)
    assert not inner.intersection(taxonomy.leaves)


@REPEATABLE
@given(trees())
def test_leaves_below_any_node_are_neighbours(tree):
    counts, kwargs = tree
    taxonomy = build_taxonomy(counts, **kwargs)
    for node in taxonomy.nodes:
        below = [
            column
            for column, leaf in enumerate(taxonomy.leaves)
            if node in taxonomy.path(leaf)
        ]
        assert below == list(range(*taxonomy.ranges[node]))


@REPEATABLE
@given(trees())
def test_counts_add_up(tree):
    counts, kwargs = tree
    taxonomy = build_taxonomy(counts, **kwargs)
    total = sum(taxonomy.counts) + sum(taxonomy.inner_counts.values())
    assert total == sum(counts.values())
    for leaf, count in zip(taxonomy.leaves, taxonomy.counts):
        assert count == counts[leaf]


@REPEATABLE
@given(trees())
def test_pooled_leaves_are_in_exactly_one_other(tree):
    counts, kwargs = tree
    taxonomy = build_taxonomy(counts, **kwargs)
    members = [leaf for leaves in get_others(taxonomy).values() for leaf in leaves]
    assert len(members) == len(set(members))
    assert set(members) == taxonomy.pooled
    kept = {c for label in kwargs["keep"] for c in range(*taxonomy.ranges[label])}
    for leaf in members:
        assert counts[leaf] < kwargs["min_count"]
        assert taxonomy.index[leaf] not in kept


@REPEATABLE
@given(trees())
def test_others_have_members_and_documents_enough(tree):
    counts, kwargs = tree
    for parent, leaves in get_others(build_taxonomy(counts, **kwargs)).items():
        assert len(leaves) >= 2
        if parent != ROOT:
            assert all(leaf.startswith(parent + kwargs["separator"]) for leaf in leaves)
            assert sum(counts[leaf] for leaf in leaves) >= kwargs["min_count"]


@REPEATABLE
@given(trees())
def test_rare_leaf_that_is_not_pooled_has_no_rare_sibling(tree):
    counts, kwargs = tree
    taxonomy = build_taxonomy(counts, **kwargs)
    kept = {c for label in kwargs["keep"] for c in range(*taxonomy.ranges[label])}
    alone = [
        taxonomy.parent(leaf)
        for column, leaf in enumerate(taxonomy.leaves)
        if counts[leaf] < kwargs["min_count"] and column not in kept
        if leaf not in taxonomy.pooled
    ]
    assert len(alone) == len(set(alone))
    pooled_below = {taxonomy.parent(leaf) for leaf in taxonomy.pooled}
    assert not pooled_below.intersection(alone)


@REPEATABLE
@given(trees())
def test_every_gold_label_is_compatible_with_some_column(tree):
    counts, kwargs = tree
    taxonomy = build_taxonomy(counts, **kwargs)
    for node in taxonomy.nodes:
        columns = taxonomy.compatible(node).tolist()
        assert columns
        assert columns == sorted(set(columns))
        if node in taxonomy.index:
            assert taxonomy.index[node] in columns


@REPEATABLE
@given(trees())
def test_class_counts_spread_the_documents(tree):
    counts, kwargs = tree
    taxonomy = build_taxonomy(counts, **kwargs)
    assert (taxonomy.class_counts > 0).all()
    if all(taxonomy.counts):
        assert taxonomy.class_counts.sum() == pytest.approx(sum(taxonomy.counts))
    for other in taxonomy.others:
        assert len(set(taxonomy.class_counts[list(other.members)])) == 1


@REPEATABLE
@given(trees())
def test_json_round_trip(tree):
    counts, kwargs = tree
    taxonomy = build_taxonomy(counts, **kwargs)
    loaded = Taxonomy.from_dict(json.loads(json.dumps(taxonomy.to_dict())))
    assert loaded == taxonomy
    assert loaded.to_dict() == taxonomy.to_dict()


@pytest.mark.parametrize(
    "label,position",
    [("a//b", 2), ("/a", 1), ("a/", 2), ("a/ /b", 2), ("", 1), ("\t", 1)],
)
def test_empty_segment_is_an_error(label, position):
    with pytest.raises(ValueError, match=rf"\[L001\].*segment at position {position} "):
        build_taxonomy({label: 1, "x": 1, "y": 1})


def test_split_path_names_separator_and_example():
    with pytest.raises(ValueError, match=r"\[L001\].*' > '.*'banking > transfer'"):
        split_path("a >  > b", " > ")


@pytest.mark.parametrize("counts", [{}, {"a": 9}, {"a": 5, "a/b": 4, "a/b/c": 1}])
def test_fewer_than_two_leaves_are_an_error(counts):
    n_leaves = min(len(counts), 1)
    with pytest.raises(ValueError, match=rf"\[L002\] Found {n_leaves} label"):
        build_taxonomy(counts)


def test_unknown_label_in_keep_is_an_error_that_helps():
    with pytest.raises(ValueError, match=r"\[L003\].*'billing/lost'.*card/lost"):
        build_taxonomy(COUNTS, min_count=4, keep=["billing/lost"])


@pytest.mark.parametrize("min_count", [-1, 0.5, True, "2", None, float("nan")])
def test_min_count_out_of_range_is_an_error(min_count):
    with pytest.raises(ValueError, match=r"\[L004\].*'min_count'"):
        build_taxonomy(COUNTS, min_count=min_count)


@pytest.mark.parametrize("separator", ["", None, 3])
def test_separator_has_to_be_a_string(separator):
    with pytest.raises(ValueError, match=r"\[L005\].*'separator'"):
        build_taxonomy(COUNTS, separator=separator)


@pytest.mark.parametrize(
    "count", [-1, 1.5, True, "3", None, float("nan"), float("inf")]
)
def test_count_has_to_be_a_whole_number(count):
    with pytest.raises(ValueError, match=r"\[L006\].*'a'.*whole number"):
        build_taxonomy({"a": count, "b": 1})


def test_whole_floats_are_counts():
    """JSON from elsewhere may have 3.0 for 3."""
    taxonomy = build_taxonomy({"a": 3.0, "b": 1}, min_count=2.0)
    assert json.dumps(taxonomy.to_dict()["counts"]) == "[3, 1]"


@pytest.mark.parametrize("key", ["leaves", "counts", "separator", "others"])
def test_missing_key_is_an_error(key):
    data = build_taxonomy(COUNTS).to_dict()
    del data[key]
    with pytest.raises(ValueError, match=rf"\[L007\].*\['{key}'\] are missing"):
        Taxonomy.from_dict(data)


@pytest.mark.parametrize("key", ["parent", "members"])
def test_missing_key_of_an_other_is_an_error(key):
    data = build_taxonomy(COUNTS, min_count=4).to_dict()
    del data["others"][0][key]
    with pytest.raises(ValueError, match=rf"\[L007\].*\['{key}'\] are missing"):
        Taxonomy.from_dict(data)


@pytest.mark.parametrize(
    "change",
    [
        {"counts": [1, 2]},
        {"others": [{"parent": "", "members": [0, 3]}]},
        {"others": [{"parent": "", "members": [-1, 0]}]},
        {
            "others": [
                {"parent": "", "members": [0, 1]},
                {"parent": "a", "members": [0, 1]},
            ]
        },
        {"others": [{"parent": "a", "members": [0, 2]}]},
        {"others": [{"parent": "a", "members": [1, 0]}]},
        {"others": [{"parent": "a", "members": [0]}]},
        {"counts": [2, 1, 1], "n_docs": 1},
        {"counts": [-1, 1, 1]},
    ],
    ids=[
        "counts",
        "column too high",
        "column too low",
        "two Others",
        "column of another parent",
        "not ascending",
        "one member",
        "more than there are",
        "negative",
    ],
)
def test_parts_that_do_not_fit_are_an_error(change):
    data = {**build_taxonomy({"a/x": 1, "a/y": 1, "b": 1}).to_dict(), **change}
    with pytest.raises(ValueError, match=r"\[L007\].*don't fit together"):
        Taxonomy.from_dict(data)


@pytest.mark.parametrize(
    "change",
    [
        {"leaves": ["a/x", "b", "a/y"]},
        {"leaves": ["a/x", "a/x", "b"]},
        {"leaves": ["a", "a/y", "b"]},
        {"leaves": "abc"},
        {"leaves": []},
        {"leaves": ["a/x", 1, "b"]},
        {"counts": {"a/x": 1}},
        {"counts": [1.0, 1, 1]},
        {"counts": [True, 1, 1]},
        {"inner_counts": {"b": 1}},
        {"inner_counts": {"a": -1}},
        {"inner_counts": [1]},
        {"n_docs": "3"},
        {"others": {"a": [0, 1]}},
        {"others": [{"parent": "b", "members": [0, 1]}]},
        {"others": [{"parent": 1, "members": [0, 1]}]},
        {"others": [{"parent": "a", "members": [0, True]}]},
        {"separator": 1},
    ],
    ids=str,
)
def test_what_was_not_written_is_an_error(change):
    data = {**build_taxonomy({"a/x": 1, "a/y": 1, "b": 1}).to_dict(), **change}
    with pytest.raises(ValueError, match=r"\[L007\]"):
        Taxonomy.from_dict(data)


def test_settings_are_checked_without_data():
    check_settings(min_count=0, separator="/")
    with pytest.raises(ValueError, match=r"\[L004\]"):
        check_settings(min_count=-1, separator="/")
    with pytest.raises(ValueError, match=r"\[L005\]"):
        check_settings(min_count=0, separator="")


def test_log_odds_are_those_against_all_other_documents():
    taxonomy = build_taxonomy({"a": 80, "b": 50, "c": 0}, n_docs=100)
    expected = numpy.log([80 / 20, 50 / 50, 0.5 / 99.5])
    assert numpy.allclose(taxonomy.log_odds, expected)
    # A document can have several labels, so that the counts aren't the documents.
    assert Taxonomy.from_dict(taxonomy.to_dict()) == taxonomy
    assert "n_docs" not in build_taxonomy({"a": 1, "b": 1}).to_dict()


def test_label_of_every_document_has_finite_odds():
    taxonomy = build_taxonomy({"a": 10, "b": 5}, n_docs=10)
    assert numpy.isfinite(taxonomy.log_odds).all()
