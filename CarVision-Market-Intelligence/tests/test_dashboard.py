"""The dashboard: every page drawn without a browser, and once in a real Chromium."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from common_utils.bundle import Bundle

pytest.importorskip("streamlit", reason="Streamlit is not installed: the extra `dashboard` brings it")
from streamlit.testing.v1 import AppTest

PAGES = ("Overview", "Market", "Model quality", "Price a car")


@pytest.fixture
def dashboard(bundle: Bundle, project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("CARVISION_BUNDLE", str(bundle.path))
    return AppTest.from_file(str(project_folder / "app" / "dashboard.py"), default_timeout=60).run()


def test_the_first_page_is_the_overview_and_says_that_it_is_synthetic(dashboard: AppTest) -> None:
    assert not dashboard.exception
    assert dashboard.title[0].value == "CarVision: what is this used car worth?"
    assert "synthetic ads" in dashboard.warning[0].value
    assert {"ads read", "interval holds"} <= {metric.label for metric in dashboard.metric}
    assert tuple(dashboard.sidebar.radio[0].options) == PAGES


@pytest.mark.parametrize("page", PAGES[1:])
def test_every_page_draws(dashboard: AppTest, page: str) -> None:
    dashboard.sidebar.radio[0].set_value(page).run()
    assert not dashboard.exception
    assert dashboard.title[0].value == page


def test_a_car_is_priced_with_evidence_and_reasons(dashboard: AppTest) -> None:
    dashboard.sidebar.radio[0].set_value("Price a car").run()
    price = dashboard.metric[0].value
    assert price.startswith("$")
    assert "dollars" in dashboard.code[0].value
    next(box for box in dashboard.number_input if box.label == "odometer").set_value(250_000).run()
    assert dashboard.metric[0].value != price


def test_without_body_types_no_curve_is_drawn(dashboard: AppTest) -> None:
    dashboard.multiselect[0].set_value([]).run()
    assert not dashboard.exception


def test_without_a_bundle_the_dashboard_says_how_to_make_one(
    project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARVISION_BUNDLE", str(tmp_path))
    shown = AppTest.from_file(str(project_folder / "app" / "dashboard.py"), default_timeout=60).run()
    assert not shown.exception
    assert "make train" in shown.error[0].value


@pytest.mark.browser
def test_a_real_browser_shows_the_dashboard_and_prices_a_car(bundle: Bundle, project_folder: Path) -> None:
    pytest.importorskip("playwright", reason="Playwright is not installed: the extra `dev` brings it")
    spec = importlib.util.spec_from_file_location("screenshot", project_folder / "scripts" / "screenshot.py")
    assert spec is not None
    assert spec.loader is not None
    screenshot = importlib.util.module_from_spec(spec)
    sys.modules["screenshot"] = screenshot
    spec.loader.exec_module(screenshot)
    if not Path(screenshot.CHROMIUM).exists():
        pytest.skip(f"no Chromium at {screenshot.CHROMIUM}: install it, or name one with CHROMIUM")
    with screenshot.served(bundle.path) as url, screenshot.opened(url) as page:
        page.get_by_text("Every row is accounted for").wait_for(timeout=60_000)
        page.locator("label").filter(has_text="Price a car").click()
        page.get_by_text("Comparable ads").wait_for(timeout=60_000)
        assert page.get_by_test_id("stMetricValue").first.inner_text().startswith("$")
        assert page.get_by_test_id("stException").count() == 0
