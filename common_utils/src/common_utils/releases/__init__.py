"""What is live: one atomic pointer, and a history that cannot be rewritten unseen."""

from __future__ import annotations

from common_utils.releases.releases import ANY, promote, publish, rollback, versions

__all__ = ["ANY", "promote", "publish", "rollback", "versions"]
