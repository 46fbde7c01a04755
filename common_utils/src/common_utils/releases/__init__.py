"""What is live and what challenges it: two atomic pointers, and a history that cannot be rewritten unseen."""

from __future__ import annotations

from common_utils.releases.challenger import abort, bar, challenge, challenger_version, pardon
from common_utils.releases.evidence import evidence_of
from common_utils.releases.releases import promote, publish, rollback, versions
from common_utils.releases.standing import ReleaseStanding, standing_of
from common_utils.releases.turn import ANY
from common_utils.releases.unrecorded import rollback_unrecorded

__all__ = [
    "ANY",
    "ReleaseStanding",
    "abort",
    "bar",
    "challenge",
    "challenger_version",
    "evidence_of",
    "pardon",
    "promote",
    "publish",
    "rollback",
    "rollback_unrecorded",
    "standing_of",
    "versions",
]
