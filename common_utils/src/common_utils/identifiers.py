"""The one form of an identifier, whichever way it comes: in a file, a request, or on the command line."""

from __future__ import annotations

import unicodedata

__all__ = ["LONGEST_ID", "ONE_NAME", "cleaned_id", "is_subject", "names_one"]

LONGEST_ID = 64
"""Characters of a subject after cleaning; there is at least one."""


ONE_NAME = "give event_id or subject, and not both"
"""What is wrong with an outcome that names no decision, or names it twice; of a file's row and of a request alike."""


def names_one(event: str | None, subject: str | None) -> bool:
    """Say whether an outcome names its decision once: by event, or by subject.

    Examples
    --------
    >>> names_one("00ff", None), names_one("00ff", "S1"), names_one(None, None)
    (True, False, False)
    """
    return (event is None) != (subject is None)


def is_subject(text: str) -> bool:
    """Say whether a text can name a subject: 1 to `LONGEST_ID` characters once it is cleaned.

    Examples
    --------
    >>> is_subject(" S-4711 "), is_subject(" "), is_subject("S" * 65)
    (True, False, False)
    """
    return 0 < len(cleaned_id(text)) <= LONGEST_ID


def cleaned_id(text: str) -> str:
    r"""Return an identifier without blanks around it and characters nobody sees, its accents composed (Unicode NFC).

    Tables clean theirs likewise, whole columns at once (`common_utils.tables.types.convert_text`, kind "id").

    Examples
    --------
    >>> cleaned_id(" S-4711\n"), cleaned_id("Jose\u0301\u200b") == "Jos\u00e9"
    ('S-4711', True)
    """
    trimmed = text.strip()
    if trimmed.isascii():  # nearly always; there is nothing in it that nobody sees
        return trimmed
    seen = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFC", seen.strip())
