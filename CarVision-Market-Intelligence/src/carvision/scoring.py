"""What a model answers for cars: price, interval, comparable ads, and what the price is made of.

scikit-learn is not imported: the service opens plain arrays, and what needs the fitted pipeline is passed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from carvision.columns import CATEGORIES, CONDITION, LISTING, MODEL, TYPE
from carvision.config import CarVisionConfig
from carvision.effects import FILE as EFFECTS_FILE
from carvision.effects import ModelEffects
from carvision.features import CarFeatures, shipped_step
from carvision.interval import FILE as ENDS_FILE
from carvision.interval import IntervalEnds
from carvision.neighbours import Listings, Scales, nearest
from common_utils.array_types import BoolArray, FloatArray
from common_utils.compiled import CompiledScorer
from common_utils.compiled.model import Files
from common_utils.compiled.store import read_arrays, written_arrays
from common_utils.errors import ArtifactError
from common_utils.scoring import Columns, checked_scores, row_count
from common_utils.table_project.explanations import Explanation, column_contributions
from common_utils.table_project.names import name_codes

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LISTINGS_FILE",
    "OUTPUTS",
    "CarScorer",
    "SimilarAd",
    "car_prices",
    "dollars_of",
    "dump_listings",
    "explain_price",
    "fitted_features",
    "load_listings",
    "models_known",
]


OUTPUTS = ("price", "low", "high")
_NO_STEP = 1e-9
LISTINGS_FILE = "listings.npz"
_METHOD = (
    "Path contributions to the logarithm of the price: along each tree's path the steps of the mean score, by feature, "
    "averaged over the forests; a formula's is shared by the columns it is computed from. Each is turned into dollars "
    "by the logarithmic mean of both prices, so that they add up to the price in any order; whole dollars."
)


@dataclass(frozen=True)
class SimilarAd:
    """A comparable listing.

    Attributes
    ----------
    model, type, condition : str
    model_year : int
    odometer : int
        Miles.
    price : int
        Asked, US dollars.
    """

    model: str
    type: str
    condition: str
    model_year: int
    odometer: int
    price: int


def car_prices(pipeline: Any, rows: pd.DataFrame | Columns) -> FloatArray:
    """Return price, low and high in US dollars, shape (n, 3), of a fitted `models.price_pipeline`."""
    return pipeline[-1].predict_interval(pipeline[0].transform(rows))


def models_known(pipeline: Any, rows: pd.DataFrame | Columns) -> BoolArray:
    """Return of which rows training knew the model, shape (n,)."""
    features = pipeline[0]
    return ~np.isnan(features.transform(rows)[:, features.names_.index(MODEL)])


def fitted_features(pipeline: Any) -> CarFeatures:
    """Return what makes the features of a fitted pipeline, with the models that it knows."""
    step = pipeline[0].step()
    return CarFeatures.of(step, replace(pipeline[-1].effects_, models=tuple(step.categories[MODEL])))


def explain_price(pipeline: Any, columns: Columns) -> Explanation:
    """Return what one car's price is made of, in whole dollars that add up.

    Parameters
    ----------
    pipeline : fitted Pipeline
        As `models.price_pipeline`.
    columns : mapping of str to array of shape (1,)
        The car; its text is shown instead of codes.

    References
    ----------
    Ang, "The LMDI approach to decomposition analysis", 2005: parts by the logarithmic mean leave no remainder.
    """
    features, model = pipeline[0], pipeline[-1]
    matrix = features.transform(columns)
    base, parts = model.contributions(matrix)
    price, low, high = np.round(model.predict_interval(matrix)[0]).tolist()
    named = column_contributions(features.step(), columns, matrix[0], parts[0])
    start = round(float(np.exp(base)))
    amounts = dollars_of([part.amount for part in named], start, price)
    return Explanation(
        base=float(start),
        contributions=sorted(
            (replace(part, amount=amount) for part, amount in zip(named, amounts, strict=True)),
            key=lambda part: -abs(part.amount),
        ),
        score=price,
        unit="dollars",
        answer=f"worth {price:,.0f} dollars ({low:,.0f} to {high:,.0f})",
        method=_METHOD,
        digits=0,
    )


def dollars_of(logs: Sequence[float], start: float, end: float) -> list[float]:
    """Return what each step of a logarithm makes in whole dollars, so that all of them lead from one price to another.

    Examples
    --------
    >>> dollars_of([0.5, -0.1, 0.293], 1000, 2000)
    [721.0, -144.0, 423.0]
    >>> dollars_of([0.1, -0.1], 1000, 1000)
    [100.0, -100.0]
    """
    total = sum(logs)
    mean = (end - start) / total if abs(total) > _NO_STEP else start
    exact = [mean * step for step in logs]
    whole = [float(np.floor(amount)) for amount in exact]
    left = round(end - start - sum(whole))
    by_rest = sorted(range(len(exact)), key=lambda place: whole[place] - exact[place])
    for turn in range(abs(left)):
        whole[by_rest[turn % len(exact)]] += np.sign(left)
    return [float(amount) + 0.0 for amount in whole]


class CarScorer:
    """A `Scorer` over a compiled price model; its columns are price, low and high in dollars.

    Parameters
    ----------
    scorer : CompiledScorer
        Of the logarithms of the median and of both ends.
    features : CarFeatures
        What makes the features.
    ends : IntervalEnds
    listings : Listings
        Ads to compare with.
    """

    classes = OUTPUTS

    def __init__(self, scorer: CompiledScorer, features: CarFeatures, ends: IntervalEnds, listings: Listings) -> None:
        self._scorer = scorer
        self._features = features
        self._ends = ends
        self._listings = listings

    @classmethod
    def open(cls, bundle: Files, config: CarVisionConfig) -> CarScorer:
        """Return the scorer of a verified bundle.

        Raises
        ------
        ArtifactError
            If a part is missing, damaged, or was trained with other formulas.
        """
        features = CarFeatures.of(shipped_step(config), ModelEffects.load(bundle.read_bytes(EFFECTS_FILE)))
        ends = IntervalEnds.load(bundle.read_bytes(ENDS_FILE))
        listings = load_listings(bundle.read_bytes(LISTINGS_FILE), len(features.models))
        return cls(CompiledScorer.open(bundle, features), features, ends, listings)

    def score(self, columns: Columns) -> FloatArray:
        """Return price, low and high, shape (n, 3).

        Raises
        ------
        DataError
            If the columns are not 1-D or differ in length.
        ArtifactError
            If the answer is not finite.
        """
        n_rows, matrix = row_count(columns), self._features(columns)
        return checked_scores(self._ends.prices(self._scorer.score_matrix(matrix), matrix), n_rows, len(OUTPUTS))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that training knew."""
        return self._features.models

    def known(self, columns: Columns) -> BoolArray:
        """Return of which cars training knew the model, shape (n,)."""
        return ~np.isnan(name_codes(np.asarray(columns[MODEL]), self.models))

    def similar(self, columns: Columns, *, count: int, scales: Scales) -> list[list[SimilarAd]]:
        """Return the nearest comparable ads of each car, nearest first; empty where nothing is comparable."""
        matrix, names = self._features(columns), self._features.feature_names
        query = Listings(*(matrix[:, names.index(name)] for name in LISTING), price=np.zeros(len(matrix)))
        found = nearest(self._listings, query, count=count, scales=scales)
        return [_ads(self._listings.rows(rows), self.models) for rows in found]


def dump_listings(listings: Listings) -> bytes:
    """Return the content of `listings.npz`: numbers only."""
    return written_arrays({field.name: getattr(listings, field.name) for field in fields(listings)})


def load_listings(content: bytes, n_models: int) -> Listings:
    """Return what `dump_listings` wrote; codes of models are below `n_models`.

    Raises
    ------
    ArtifactError
        If it is something else, or holds a code that means nothing.
    """
    arrays = read_arrays(content)
    names = [field.name for field in fields(Listings)]
    if sorted(arrays) != sorted(names) or len({array.shape for array in arrays.values()}) != 1:
        raise ArtifactError(f"{LISTINGS_FILE} does not hold comparable ads; train again.")
    listings = Listings(*(arrays[name].astype(np.float64).ravel() for name in names))
    counts = {MODEL: n_models, TYPE: len(CATEGORIES[TYPE]), CONDITION: len(CATEGORIES[CONDITION])}
    for name, codes in ((MODEL, listings.model), (TYPE, listings.type), (CONDITION, listings.condition)):
        known = codes[~np.isnan(codes)]
        if len(known) and not (known.min() >= 0 and known.max() < counts[name]):
            raise ArtifactError(f"{LISTINGS_FILE} holds a {name} that is not known; train again.")
    numbers = np.concatenate([listings.year, listings.odometer, listings.price])
    if not np.isfinite(numbers).all():
        raise ArtifactError(f"{LISTINGS_FILE} holds a number that is not finite; train again.")
    return listings


def _ads(found: Listings, models: Sequence[str]) -> list[SimilarAd]:
    named = zip(found.model, found.type, found.condition, found.year, found.odometer, found.price, strict=True)
    return [
        SimilarAd(
            *(_text(models, model), _text(CATEGORIES[TYPE], kind), _text(CATEGORIES[CONDITION], condition)),
            *(round(year), round(miles), round(price)),
        )
        for model, kind, condition, year, miles, price in named
    ]


def _text(known: Sequence[str], code: float) -> str:
    return "unknown" if np.isnan(code) else known[int(code)]
