"""Leak audit: columns and rows that know what they should not."""

from __future__ import annotations

from common_utils.leakage.audit import DROP_ADVICE, LeakageReport, LeakFinding, audit

__all__ = ["DROP_ADVICE", "LeakFinding", "LeakageReport", "audit"]
