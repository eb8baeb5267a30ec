"""The table of what an audit finds, beside cleanlab."""

import json

import pytest

MACHINE = {"date": "2026-11-27", "machine": "Linux", "cleanlab": "2.9.0"}


def make_row(system, right_first, n_first=100, **more):
    sizes = {"n": 120, "n_first": n_first, "right_first": right_first, "right": 90}
    return {"system": system, **sizes, **more}


OURS = {
    False: [
        make_row("wrong labels", 80, 90, cpu_s=1.23),
        make_row("with titles", 84, cpu_s=1.0),
    ],
    True: [
        make_row("wrong labels", 55, cpu_s=1.23),
        make_row("lacking labels", 8, 24),
        make_row("texts", 56),
    ],
}


@pytest.mark.parametrize("several", [False, True])
def test_cleanlab_stands_beside_what_it_is_compared_with(several, benchmarks, tmp_path):
    from harness.suspected import make_suspects

    assert make_suspects(tmp_path) == ""
    peers = [
        make_row("cleanlab self_confidence", 1, by="same"),
        make_row("cleanlab find_label_issues", 47, by="same"),
    ]
    result = {"n_texts": 3251, "n_labels": 149, "n_added": 98, "n_taken": 99}
    result |= {"several": several, "systems": [*OURS[several], *peers]}
    path = tmp_path / "clinc150_lt.json"
    path.write_text(json.dumps({**result, "machine": MACHINE}))
    first, *more = make_suspects(tmp_path).splitlines()[2:-2]
    if several:
        assert first.endswith("| 149 | 98 added | 120 | 55 | 90 |  |  | 1.2 |")
        assert [row.split(" | ")[2] for row in more] == ["99 taken away", "either"]
        assert more[1].endswith("| 120 | 56 | 90 | 47 | – |  |")
    else:
        assert first.endswith("| 149 | 98 | 120 | 80 of 90 | 90 | 47 | – | 1.2 |")
        assert more[0].endswith("--descriptions` | 120 | 84 | 90 |  |  | 1.0 |")
