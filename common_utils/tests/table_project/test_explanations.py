from __future__ import annotations

from common_utils.table_project.explanations import Contribution, Explanation

PARTS = [Contribution("Age", "58", 1.0), Contribution("Tenure", "missing", 0.5), Contribution("Score", "600", -0.25)]


def test_words_add_up_what_is_not_shown() -> None:
    lines = Explanation(-1.0, PARTS, 0.25, "log-odds", "56 %", "By paths.").words(most=1).splitlines()
    assert lines[:2] == ["56 %.", "From -1.00 log-odds, the average record's, to 0.25, by what this record holds:"]
    assert lines[2:] == ["  +1.00  Age = 58", "  +0.25  2 more, each smaller", "By paths."]


def test_json_keeps_the_full_precision() -> None:
    plain = Explanation(0.0, [Contribution("a", "1", 0.1 + 0.2)], 0.1 + 0.2, "u", "a", "m").to_dict()
    assert plain["score"] == 0.30000000000000004
    assert plain["contributions"] == [{"feature": "a", "value": "1", "amount": 0.30000000000000004}]
