"""What the service opens: plain arrays, refused where they are not what was written."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from carvision.columns import MODEL
from carvision.config import SPEC, CarVisionConfig
from carvision.data import sample_ads
from carvision.effects import FILE as EFFECTS_FILE
from carvision.effects import ModelEffects
from carvision.features import shipped_step
from carvision.interval import FILE as ENDS_FILE
from carvision.interval import IntervalEnds, Margins
from carvision.neighbours import Listings
from carvision.scoring import LISTINGS_FILE, CarScorer, car_prices, dump_listings, load_listings
from common_utils.bundle import Bundle
from common_utils.compiled.store import written_arrays
from common_utils.errors import ArtifactError, ConfigError
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.feature_columns import table_columns

NAMES = ("bmw x5", "ford f-150", "ford focus", "kia soul")
N_MODELS = len(NAMES)
ONE = Listings(*(np.array([value]) for value in (3.0, 1.0, 2.0, 2010.0, 5e4, 9e3)))


def test_the_service_s_prices_are_the_pipeline_s(bundle: Bundle, settings: CarVisionConfig) -> None:
    columns = table_columns(sample_ads(200, np.random.default_rng(9)))
    scorer, pipeline = CarScorer.open(bundle, settings), open_model(bundle)
    together = scorer.score(columns)
    np.testing.assert_allclose(together, car_prices(pipeline, columns), rtol=1e-12)
    alone = {name: values[:1] for name, values in columns.items()}
    np.testing.assert_array_equal(scorer.score(alone), together[:1])


def test_a_bundle_of_other_formulas_is_refused(bundle: Bundle, settings: CarVisionConfig) -> None:
    data = settings.data.model_copy(update={"drop_columns": [*settings.data.drop_columns, "fuel"]})
    with pytest.raises(ArtifactError, match="trained with the formulas"):
        CarScorer.open(bundle, settings.model_copy(update={"data": data}))


def test_a_column_that_tells_cars_apart_cannot_be_dropped(project_folder: Any) -> None:
    with pytest.raises(ConfigError, match="tell cars apart"):
        SPEC.load(project_folder, overrides=["data.drop_columns=[odometer]"], environ={})


def test_listings_come_back_as_they_were() -> None:
    again = load_listings(dump_listings(ONE), N_MODELS)
    assert [again.model[0], again.price[0]] == [3.0, 9e3]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": np.array([float(N_MODELS)])}, "holds a model that is not known"),
        ({"type": np.array([-1.0])}, "holds a type that is not known"),
        ({"price": np.array([np.nan])}, "not finite"),
        ({"price": np.array([1.0, 2.0])}, "does not hold comparable ads"),
        ({"seller": np.array([1.0])}, "does not hold comparable ads"),
    ],
)
def test_listings_that_mean_nothing_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        load_listings(written_arrays({**vars(ONE), **changed}), N_MODELS)


def test_effects_come_back_as_they_were() -> None:
    said = ModelEffects(np.full(N_MODELS, np.nan), np.arange(N_MODELS) / 7, column=4, models=NAMES)
    again = ModelEffects.load(said.dump())
    np.testing.assert_array_equal(again.level, said.level)
    np.testing.assert_array_equal(again.loss, said.loss)
    assert (again.column, again.models) == (4, NAMES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "does not say what each model asks"),
        (b'{"level": ["x"], "loss": [], "column": 0}', "does not say what each model asks"),
        (b'{"level": [0.1], "loss": [0.1], "column": 0}', "does not say what each model asks"),  # of an older version
        (b'{"level": [0.1], "loss": [0.1], "column": 0, "models": []}', "does not fit the models"),
        (ModelEffects(np.zeros(N_MODELS), np.zeros(2), 4, NAMES).dump(), "does not fit the models"),
        (ModelEffects(*np.zeros((2, N_MODELS)), -1, NAMES).dump(), "does not fit the models"),
        (ModelEffects(*np.full((2, N_MODELS), np.inf), 4, NAMES).dump(), "not finite"),
    ],
)
def test_effects_that_mean_nothing_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        ModelEffects.load(content)


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"{}", json.dumps({"margin": 0.1, "hidden_margin": 0, "hidden_column": 0}).encode()],
)
def test_ends_that_say_nothing_are_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match="does not say how far"):
        IntervalEnds.load(content)


def test_a_margin_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ArtifactError, match="not finite"):
        IntervalEnds.load(IntervalEnds(Margins(0.0, 0.0, ((0.0, np.inf),)), Margins(0.0, 0.0)).dump())


def test_ends_come_back_as_they_were() -> None:
    said = IntervalEnds(Margins(0.1, 0.2, ((0.3, 0.4), (0.5, 0.6))), Margins(0.7, 0.8), 4, 7)
    assert IntervalEnds.load(said.dump()) == said


def test_the_bundle_holds_what_the_service_reads(bundle: Bundle, settings: CarVisionConfig) -> None:
    assert {EFFECTS_FILE, ENDS_FILE, LISTINGS_FILE, "scorer.npz", "scorer.json"} <= set(bundle.files)
    assert IntervalEnds.load(bundle.read_bytes(ENDS_FILE)).hidden_column == shipped_step(settings).feature_names.index(
        MODEL
    )
