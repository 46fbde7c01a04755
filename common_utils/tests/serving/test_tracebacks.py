from __future__ import annotations

from common_utils.errors import DataError
from common_utils.serving.tracebacks import redacted_traceback


def failing(error: Exception, cause: Exception | None = None) -> str:
    try:
        raise error from cause
    except type(error) as caught:
        return redacted_traceback(caught)


def test_traceback_names_type_file_and_function() -> None:
    lines = failing(ValueError("CANARY")).splitlines()
    assert lines[0] == "ValueError"
    assert lines[1].startswith("  test_tracebacks.py:")
    assert lines[1].endswith(" failing")


def test_traceback_keeps_our_message_and_drops_the_cause_s() -> None:
    text = failing(DataError("events.csv: no rows"), KeyError("CANARY"))
    assert "DataError: events.csv: no rows" in text
    assert text.splitlines()[-1] == "KeyError"
    assert "CANARY" not in text


def test_traceback_of_a_long_chain_is_bounded() -> None:
    error: Exception = ValueError("0")
    for number in range(50):
        try:
            raise ValueError(str(number)) from error
        except ValueError as caught:
            error = caught
    assert redacted_traceback(error).count("ValueError") == 5
