"""Letters before a contract ends: when they are due, what they say, how they are verified."""

from __future__ import annotations

from planrec.notices.files import notices_of, read_notices
from planrec.notices.notice import Basis, Notice, NoticeFigures
from planrec.notices.verification import verify_notices

__all__ = ["Basis", "Notice", "NoticeFigures", "notices_of", "read_notices", "verify_notices"]
