"""docs/monitoring.md names every metric, and each exit code."""

from __future__ import annotations

import re
from pathlib import Path

from common_utils.monitoring.day import EXIT_CODES
from common_utils.monitoring.exporter import metrics_text, write_verdicts
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.profiles.live import LiveProfiles
from common_utils.monitoring.profiles.metrics import ProfileCollector

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"


def test_the_document_lists_the_metrics_that_are_exported(tmp_path: Path) -> None:
    write_verdicts(tmp_path / "v.json", "planrec", "2025-10", [Finding("rows", "", "alarm", 0, 9, None, 0, "None.")])
    exported = set(re.findall(r"^(monitor_\w+)(?:\{| )", metrics_text(tmp_path / "v.json").decode(), re.MULTILINE))
    profiles: LiveProfiles[object] = LiveProfiles("predict", lambda *_: None)  # type: ignore[type-var,arg-type,return-value]
    exported |= {f"{metric.name}_total" for metric in ProfileCollector(profiles).collect()}
    listed = DOCUMENT.read_text(encoding="utf-8").partition("**Metrics.**")[2].partition("##")[0]
    assert set(re.findall(r"`((?:monitor|profile)_\w+)`", listed)) == exported


def test_the_document_has_every_exit_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for code in EXIT_CODES.values():
        assert f"| {code} | " in text
