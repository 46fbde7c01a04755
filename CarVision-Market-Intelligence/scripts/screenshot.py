"""Write the README's picture of the dashboard: train on synthetic ads, serve, open a real Chromium, photograph.

Needs the extra `dashboard`, Playwright and an installed Chromium (CHROMIUM, else /usr/bin/chromium).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from carvision.config import SPEC
from carvision.dashboard_server import dashboard_command
from common_utils.table_project.training import train_table

PROJECT = Path(__file__).resolve().parents[1]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SMALL = (
    "data.source=sample",
    "data.sample_rows=3000",
    "model.members=[{kind: hist, iterations: 25, leaves: 12}]",
    "model.interval_members=[{kind: hist, iterations: 20, leaves: 8}]",
    "training.split.folds=2",
    "evaluation.resamples=50",
)


@contextmanager
def served(bundle: Path) -> Generator[str]:
    """Serve the dashboard of a bundle on a free port; the process is gone afterwards.

    Raises
    ------
    RuntimeError
        If it does not answer within a minute.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, SPEC.bundle_variable: str(bundle)}
    process = subprocess.Popen(
        dashboard_command(PROJECT, port=port), cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        _wait_until_healthy(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass  # not listening yet
        time.sleep(0.2)
    raise RuntimeError("the dashboard did not answer within a minute; its messages stand above")


@contextmanager
def opened(url: str) -> Generator[Page]:
    """Open an address in a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.goto(url)
            yield page
        finally:
            browser.close()


def main(target: Path) -> None:
    """Write the picture."""
    config = SPEC.load(PROJECT, overrides=SMALL, environ={})
    from carvision.training import TASK

    with tempfile.TemporaryDirectory() as folder:
        bundle = train_table(TASK, config, PROJECT, artifacts=Path(folder), step=lambda _: None, environ={})
        with served(bundle.path) as url, opened(url) as page:
            page.get_by_text("Every row is accounted for").wait_for(timeout=60_000)
            page.locator("canvas, svg.marks").first.wait_for(timeout=60_000)
            page.wait_for_timeout(1_500)  # the curves are drawn in steps
            page.screenshot(path=str(target))
    print(f"written to {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
