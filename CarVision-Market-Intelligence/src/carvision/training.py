"""CarVision as a task on one table: only what is its own; everything else is in `common_utils`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray

from carvision.columns import MODEL, ODOMETER, PRICE, TYPE, YEAR
from carvision.compiling import compile_prices
from carvision.config import SPEC, CarVisionConfig
from carvision.data import ad_schema, car_keys, cleaning_rules, complete_ads, record_schema, sample_ads
from carvision.effects import FILE as EFFECTS_FILE
from carvision.evaluation import AGE_BANDS, CLOSE, PRICE_BANDS, bands, coverage_table, mean_of, price_figures
from carvision.figures import FIGURES, write_figures
from carvision.formulas import age_years
from carvision.interval import FILE as ENDS_FILE
from carvision.market import market_summary
from carvision.models import price_pipeline, random_forest_pipeline, ridge_pipeline
from carvision.scoring import (
    LISTINGS_FILE,
    OUTPUTS,
    car_prices,
    dump_listings,
    explain_price,
    fitted_features,
    models_known,
)
from carvision.tables import result_tables
from common_utils.array_types import FloatArray
from common_utils.compiled import CompiledModel
from common_utils.errors import DataError
from common_utils.evaluation import paired_mean_difference
from common_utils.evaluation.binary import out_of_fold
from common_utils.splits import grouped_folds
from common_utils.table_project.explanations import Explanation
from common_utils.table_project.feature_columns import table_columns
from common_utils.table_project.names import one_spelling
from common_utils.table_project.task import FOLD_VALUES, Cells, Goal, Rounds, Step, TableTask

__all__ = ["TASK", "CarTask"]

Answers = Mapping[str, NDArray[Any]]

_UNSEEN_FOLDS = 2
_FEWEST_CARS = 2


class CarTask(TableTask[CarVisionConfig]):
    """What a used car is worth: a price, an interval that holds 90 of 100, and what the market does."""

    spec = SPEC
    target = PRICE
    is_class = False
    outcome = "bill_paid"  # what was paid for the car, told in cents
    figure_names = FIGURES
    goals = (
        Goal("mae", "MAE, dollars, cars kept whole", 2170, 2000, higher_is_better=False, digits=0),
        Goal("mape", "MAPE, %", 23, higher_is_better=False, digits=1),
        Goal("within_10", "within 10 % of the price", 0.385),
        Goal("mae_ungrouped", "MAE, dollars, ungrouped folds (re-posts on both sides)", 1970, 1860,
             higher_is_better=False, digits=0),
        Goal("coverage", "coverage of the 90 % interval, at least", 0.88),
        Goal("coverage", "coverage of the 90 % interval, at most", 0.92, higher_is_better=False),
    )  # fmt: skip

    def schema(self) -> pandera.DataFrameSchema:
        """Return `data.ad_schema`."""
        return ad_schema()

    def record_schema(self) -> pandera.DataFrameSchema:
        """Return `data.record_schema`."""
        return record_schema()

    def sample(self, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        """Return `data.sample_ads`."""
        return sample_ads(n_rows, rng)

    def tidied(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the ads with each model in one spelling, so that a re-post in capitals is the same car."""
        return frame.assign(**{MODEL: pd.Series(one_spelling(frame[MODEL].to_numpy()), dtype="str")})

    def check_measurable(self, rows: pd.DataFrame, part: str) -> None:
        """Refuse rows with fewer than two cars whose year and odometer are known: figures are measured on those."""
        cars = len(set(self.groups(rows)[complete_ads(rows)].tolist()))
        if cars < _FEWEST_CARS:
            raise DataError(
                f"{self.spec.name}: {part} hold {cars} car(s) with {YEAR} and {ODOMETER}; figures are measured on such "
                "cars and need two. Bring more ads."
            )

    def rules(self, frame: pd.DataFrame, config: CarVisionConfig) -> Mapping[str, NDArray[np.bool_]]:
        """Return `data.cleaning_rules`."""
        return cleaning_rules(frame, config.cleaning)

    def groups(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Return `data.car_keys`."""
        return car_keys(frame)

    def build(self, config: CarVisionConfig) -> Any:
        """Return `models.price_pipeline`."""
        return price_pipeline(config)

    def cross_validate(self, config: CarVisionConfig, rows: pd.DataFrame, rounds: Rounds, step: Step) -> dict[str, Any]:
        """Return figures on complete ads, coverage by segment, other models on the same folds, and the market."""
        y = rows[PRICE].to_numpy(dtype=np.float64)
        ours = out_of_fold(lambda: self.build(config), rows, y, rounds, _answers, step=step, label="shipped")
        others = {
            name: out_of_fold(lambda b=build: b(config), rows, y, rounds, _price_only, step=step, label=name)
            for name, build in {"ridge of logarithms": ridge_pipeline, "random forest": random_forest_pipeline}.items()
        }
        anywhere = [grouped_folds(np.arange(len(y)), n_splits=len(rounds[0]), seed=config.training.seed)]
        ungrouped = out_of_fold(
            lambda: price_pipeline(config, interval=False), rows, y, anywhere, _price_only, step=step, label="ungrouped"
        )
        step("resampling")
        judge = _Judge(config, rows, self.groups(rows))
        further: dict[str, tuple[Answers, NDArray[np.bool_]]] = {
            "every ad": (ours, np.ones(len(y), dtype=np.bool_)),
            "year or odometer unknown": (ours, ~judge.complete),
        }
        if rows[MODEL].nunique() >= _UNSEEN_FOLDS:
            unseen = self._unseen(config, rows, y, step, n_splits=min(len(rounds[0]), _UNSEEN_FOLDS))
            further["model not seen in training"] = (unseen, judge.complete)
        mixed = judge.figures({"price": ungrouped["price"][0]})
        return {
            "cross_validation": {
                **judge.figures(_first(ours)),
                "mae_ungrouped": mixed["mae"],
                "mape_ungrouped": mixed["mape"],
            },
            "by_rows": {
                name: judge.figures(_first(found), of) for name, (found, of) in further.items() if judge.can_judge(of)
            },
            "candidates": {name: judge.figures(_first(found)) for name, found in others.items()},
            "paired": {name: judge.paired(ours["price"][0], found["price"][0]) for name, found in others.items()},
            "coverage": judge.coverage(_first(ours)),
            "coverage_wanted": config.model.coverage,
            "missing": {str(name): int(count) for name, count in rows.isna().sum().items() if count},
            "market": market_summary(rows, *(ours[name][0] for name in ("low", "price", "high"))),
            FOLD_VALUES: judge.by_fold(ours, rounds),
        }

    def _unseen(
        self, config: CarVisionConfig, rows: pd.DataFrame, y: FloatArray, step: Step, *, n_splits: int
    ) -> Answers:
        """Answers for cars of models that the fold's training rows do not have; their names mean nothing to it."""
        folds = grouped_folds(rows[MODEL].to_numpy(dtype=object), n_splits=n_splits, seed=config.training.seed)

        def hidden(pipeline: Any, part: pd.DataFrame) -> dict[str, FloatArray]:
            return _answers(pipeline, part.assign(**{MODEL: "a model that nobody knows"}))

        return out_of_fold(lambda: self.build(config), rows, y, [folds], hidden, step=step, label="unseen models")

    def score_holdout(self, config: CarVisionConfig, model: Any, rows: pd.DataFrame) -> dict[str, Any]:
        """Return the figures of a fitted model on complete ads it never saw."""
        judge = _Judge(config, rows, self.groups(rows))
        return {**judge.figures(_answers(model, rows)), "rows": int(judge.complete.sum())}

    def predictions(self, config: CarVisionConfig, model: Any, rows: pd.DataFrame) -> pd.DataFrame:
        """Return `prediction`, `low` and `high`, whole dollars, and whether training knew the model."""
        del config
        price, low, high = np.round(car_prices(model, rows)).astype(np.int64).T
        known = models_known(model, rows)
        return pd.DataFrame({"prediction": price, "low": low, "high": high, "model_known": known})

    def explain(self, config: CarVisionConfig, model: Any, rows: pd.DataFrame) -> Explanation:
        """Return what one car's price is made of, in dollars."""
        del config
        return explain_price(model, table_columns(rows))

    def compile(self, config: CarVisionConfig, model: Any, rows: pd.DataFrame) -> CompiledModel:
        """Return `compiling.compile_prices`."""
        return compile_prices(model, rows, seed=config.training.seed)

    def service_files(self, config: CarVisionConfig, model: Any) -> Mapping[str, bytes]:
        """Return what is known of each model, how far the intervals are widened, and the ads to compare with."""
        del config
        prices = model[-1]
        return {
            EFFECTS_FILE: fitted_features(model).effects.dump(),
            ENDS_FILE: prices.ends_.dump(),
            LISTINGS_FILE: dump_listings(prices.listings_),
        }

    def tables(self, metrics: Mapping[str, Any]) -> dict[str, list[Cells]]:
        """Return `tables.result_tables`."""
        return result_tables(metrics)

    def figures(self, folder: Path, metrics: Mapping[str, Any]) -> None:
        """Write `figures.write_figures`."""
        write_figures(folder, metrics)

    def card_values(self, metrics: Mapping[str, Any]) -> dict[str, object]:
        """Return what a median ad asks, for the card."""
        return {"median_price": f"{metrics['market']['median_price']:,.0f}"}


TASK = CarTask()


class _Judge:
    """Measures answers for some ads; unless told otherwise, on the complete ones, as public figures are."""

    def __init__(self, config: CarVisionConfig, rows: pd.DataFrame, cars: NDArray[Any]) -> None:
        self.price = rows[PRICE].to_numpy(dtype=np.float64)
        self.age = age_years(rows[YEAR].to_numpy(dtype=np.float64))
        self.kind = rows[TYPE].to_numpy(dtype=object)
        self.complete = complete_ads(rows)
        self.cars = cars
        self.n_resamples, self.seed = config.evaluation.resamples, config.training.seed

    def can_judge(self, chosen: NDArray[np.bool_]) -> bool:
        """Tell whether some ads are of cars enough for an interval."""
        return len(set(self.cars[chosen].tolist())) >= _FEWEST_CARS

    def figures(self, answers: Answers, chosen: NDArray[np.bool_] | None = None) -> dict[str, Any]:
        of = self.complete if chosen is None else chosen
        low, high = (answers[end][of] if end in answers else None for end in ("low", "high"))
        return price_figures(
            self.price[of],
            answers["price"][of],
            self.cars[of],
            n_resamples=self.n_resamples,
            seed=self.seed,
            low=low,
            high=high,
        )

    def by_fold(self, answers: Answers, rounds: Rounds) -> dict[str, list[list[float]]]:
        """Return the mean distance, and the share within 10 %, of each fold; NaN where a fold has no such ad."""
        found: dict[str, list[list[float]]] = {"mae": [], "within_10": []}
        for prices, folds in zip(answers["price"], rounds, strict=True):
            off = np.abs(prices - self.price)
            tested = [test[self.complete[test]] for _, test in folds]
            found["mae"].append([mean_of(off[ads]) for ads in tested])
            found["within_10"].append([mean_of(off[ads] <= CLOSE * self.price[ads]) for ads in tested])
        return found

    def paired(self, ours: FloatArray, theirs: FloatArray) -> dict[str, float]:
        of = self.complete
        off, others = (np.abs(found[of] - self.price[of]) for found in (ours, theirs))
        rng = np.random.default_rng(self.seed)
        found = paired_mean_difference(off, others, self.cars[of], n_resamples=self.n_resamples, rng=rng)
        return found.to_dict()

    def coverage(self, answers: Answers) -> dict[str, Any]:
        of = self.complete
        by = {
            "type": self.kind[of],
            "price": bands(self.price[of], PRICE_BANDS, unit="$"),
            "predicted price": bands(answers["price"][of], PRICE_BANDS, unit="$"),
            "age, years": bands(self.age[of], AGE_BANDS),
        }
        return {
            name: coverage_table(
                labels,
                self.price[of],
                *(answers["price"][of], answers["low"][of], answers["high"][of]),
                self.cars[of],
                n_resamples=self.n_resamples,
                seed=self.seed,
            )
            for name, labels in by.items()
        }


def _answers(pipeline: Any, rows: pd.DataFrame) -> dict[str, FloatArray]:
    return dict(zip(OUTPUTS, car_prices(pipeline, rows).T, strict=True))


def _price_only(pipeline: Any, rows: pd.DataFrame) -> dict[str, FloatArray]:
    return {"price": pipeline.predict(rows)}


def _first(answers: Answers) -> dict[str, NDArray[Any]]:
    """Return the first round: a price is measured once, since repeats of one table hardly differ."""
    return {name: values[0] for name, values in answers.items()}
