"""The dashboard: `carvision dashboard`, or `streamlit run app/dashboard.py` from the project's folder.

Shows a bundle's summaries and prices a car as the service does. For analysts, not for a network: what a price is made
of comes from the fitted pipeline, which is unpickled after signature and hash were checked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import streamlit as st

from carvision.columns import CATEGORIES, CONDITION, FUEL, MODEL, PAINT, RANGES, TRANSMISSION, TYPE
from carvision.config import SPEC, CarVisionConfig
from carvision.neighbours import Scales
from carvision.scoring import CarScorer, explain_price
from carvision.tables import market_tables, result_tables
from common_utils.bundle import open_bundle
from common_utils.config import resolve_path
from common_utils.errors import PortfolioError
from common_utils.releases.config import load_trust
from common_utils.scoring import Columns
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.service import LiveModel, open_live

__all__ = ["PAGES", "main"]

PROJECT = Path(__file__).resolve().parents[1]
_UNKNOWN, _SHOWN = "unknown", "ford f-150"

Live = LiveModel[CarVisionConfig]


@st.cache_resource(show_spinner="opening the bundle")
def _live(path: str) -> Live:
    trust = load_trust(SPEC.load(PROJECT).releases, PROJECT)
    return open_live(SPEC, Path(path), CarScorer.open, trust=trust)


@st.cache_resource(show_spinner="opening the fitted pipeline")
def _pipeline(path: str) -> Any:
    trust = load_trust(SPEC.load(PROJECT).releases, PROJECT)
    return open_model(open_bundle(Path(path), trust=trust))


def _overview(live: Live) -> None:
    metrics, found = live.metrics, live.metrics["cross_validation"]
    st.title("CarVision: what is this used car worth?")
    if metrics["synthetic"]:
        st.warning("Trained on synthetic ads of the sample generator: no figure describes the real market.")
    rows = metrics["rows"]["read"][0]
    numbers = {
        "ads read": f"{rows['read']:,}",
        "ads kept": f"{rows['kept']:,}",
        "median price": f"${metrics['market']['median_price']:,.0f}",
        "typical error": f"${found['median_ae']['estimate']:,.0f}",
        "interval holds": f"{100 * found['coverage']['estimate']:.1f} %",
    }
    for place, (name, value) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        place.metric(name, value)
    st.subheader("What age costs, by body type")
    _curves(metrics["market"]["ages"])
    st.subheader("Every row is accounted for")
    lost = {"rejected": rows["rejected"], "set aside": rows.get("set_aside", {})}
    removed = [
        {"what": what, "reason": reason, "rows": f"{count:,}"}
        for what, counts in lost.items()
        for reason, count in counts.items()
    ]
    st.table(removed or [{"what": "every row is kept", "reason": "", "rows": "0"}])
    st.caption(f"Bundle {live.version}, trained on {metrics['table']}. Prices are what was asked, in US dollars.")


def _curves(ages: Sequence[Mapping[str, Any]]) -> None:
    ads: dict[str, int] = {}
    for row in ages:
        ads[row["type"]] = ads.get(row["type"], 0) + row["n"]
    kinds = sorted(ads, key=lambda kind: -ads[kind])
    chosen = st.multiselect("body types", kinds, default=kinds[:4])
    shown = [
        {"age, years": row["age"], "median price, dollars": row["median"], "type": row["type"]}
        for row in ages
        if row["type"] in chosen
    ]
    if shown:
        st.line_chart(shown, x="age, years", y="median price, dollars", color="type")


def _tables(tables: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
    for title, rows in tables.items():
        st.subheader(title)
        st.dataframe(list(rows), hide_index=True, width="stretch")


def _market(live: Live) -> None:
    st.title("Market")
    st.caption("Above and below are against the model's 90 % interval, by models that did not see the ad.")
    _tables(market_tables(live.metrics["market"]))


def _quality(live: Live) -> None:
    st.title("Model quality")
    st.caption("Re-posted ads are kept on one side of every split. 95 % intervals in brackets, by car.")
    _tables({title: rows for title, rows in result_tables(live.metrics).items() if not title.startswith("Market")})


def _price(live: Live) -> None:
    st.title("Price a car")
    scorer = cast("CarScorer", live.scorer)
    columns = _asked(scorer.models)
    price, low, high = scorer.score(columns)[0].tolist()
    st.metric("asked for such a car, median", f"${price:,.0f}")
    st.write(f"90 of 100 such ads ask between **\\${low:,.0f}** and **\\${high:,.0f}**.")
    settings = live.config.similar
    scales = Scales(settings.year_scale, settings.mile_scale, settings.condition_scale)
    (ads,) = scorer.similar(columns, count=settings.count, scales=scales)
    st.subheader("Comparable ads")
    st.table([{name: str(value) for name, value in asdict(ad).items()} for ad in ads])
    st.subheader("What the price is made of")
    st.code(explain_price(_pipeline(_bundle_path()), columns).words(), language=None)


def _asked(models: Sequence[str]) -> Columns:
    left, middle, right = st.columns(3)
    texts = {
        MODEL: left.selectbox(
            "model", [*models, "another model"], index=models.index(_SHOWN) if _SHOWN in models else 0
        ),
        TYPE: left.selectbox("type", CATEGORIES[TYPE], index=CATEGORIES[TYPE].index("truck")),
        CONDITION: left.selectbox("condition", CATEGORIES[CONDITION], index=2),
        FUEL: middle.selectbox("fuel", CATEGORIES[FUEL]),
        TRANSMISSION: middle.selectbox("transmission", CATEGORIES[TRANSMISSION]),
        PAINT: middle.selectbox("paint", [_UNKNOWN, *CATEGORIES[PAINT]]),
    }
    defaults = {"model_year": 2013, "odometer": 92_000, "cylinders": 8, "is_4wd": 1}
    numbers = {
        name: right.number_input(name, min_value=low, max_value=high, value=defaults[name], step=1)
        for name, (low, high) in RANGES.items()
    }
    return {
        **{name: np.array([value], dtype=object) for name, value in texts.items()},
        **{name: np.array([value], dtype=np.float64) for name, value in numbers.items()},
    }


PAGES: dict[str, Callable[[Live], None]] = {
    "Overview": _overview,
    "Market": _market,
    "Model quality": _quality,
    "Price a car": _price,
}  # by the name in the menu; no string below it, since Streamlit would print that


def _bundle_path() -> str:
    named = os.environ.get(SPEC.bundle_variable)
    return named or str(resolve_path(PROJECT, SPEC.load(PROJECT).training.artifacts))


def main() -> None:
    """Draw the page that is chosen; without a bundle, say how to make one."""
    st.set_page_config(page_title="CarVision", layout="wide")
    try:
        live = _live(_bundle_path())
    except PortfolioError as error:
        st.error(f"No bundle to show: {error} `make train` writes one.")
        return
    page = st.sidebar.radio("page", list(PAGES))
    PAGES[page](live)


if __name__ == "__main__":
    main()
