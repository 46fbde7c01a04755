"""What a model answers for cars: price, interval, comparable ads, and what the price is made of.

scikit-learn is not imported: the service opens plain arrays, and what needs the fitted pipeline is passed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
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
from common_utils.array_types import FloatArray
from common_utils.compiled import CompiledScorer
from common_utils.compiled.model import Files
from common_utils.compiled.store import read_arrays, written_arrays
from common_utils.errors import ArtifactError
from common_utils.scoring import Columns, checked_scores, row_count
from common_utils.table_project.explanations import Contribution, Explanation

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LISTINGS_FILE",
    "OUTPUTS",
    "CarScorer",
    "SimilarAd",
    "car_prices",
    "dump_listings",
    "explain_price",
    "load_listings",
]


OUTPUTS = ("price", "low", "high")
LISTINGS_FILE = "listings.npz"
_METHOD = (
    "Path contributions: along each tree's path the steps of the mean score, by feature, averaged over the forests. "
    "They add up to the logarithm of the price exactly; +0.10 means about 10 % more, -0.10 about 10 % less."
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


def explain_price(pipeline: Any, rows: pd.DataFrame | Columns, texts: Mapping[str, str]) -> Explanation:
    """Return what the logarithm of one car's price is made of.

    Parameters
    ----------
    pipeline : fitted Pipeline
        As `models.price_pipeline`.
    rows : table or columns of one row
    texts : mapping of str to str
        What the text columns say, to be shown instead of their codes.
    """
    features, model = pipeline[0], pipeline[-1]
    matrix = features.transform(rows)
    base, parts = model.contributions(matrix)
    price, low, high = model.predict_interval(matrix)[0]
    named = [
        Contribution(str(name), texts.get(str(name), _shown(value)), float(amount))
        for name, value, amount in zip(features.get_feature_names_out(), matrix[0], parts[0], strict=True)
    ]
    return Explanation(
        base=float(base),
        contributions=sorted(named, key=lambda part: -abs(part.amount)),
        score=float(np.log(price)),
        unit="logarithm of dollars",
        answer=f"worth {price:,.0f} dollars ({low:,.0f} to {high:,.0f})",
        method=_METHOD,
    )


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
        features = CarFeatures(shipped_step(config), ModelEffects.load(bundle.read_bytes(EFFECTS_FILE)))
        ends, listings = bundle.read_bytes(ENDS_FILE), bundle.read_bytes(LISTINGS_FILE)
        return cls(CompiledScorer.open(bundle, features), features, IntervalEnds.load(ends), load_listings(listings))

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

    def similar(self, columns: Columns, *, count: int, scales: Scales) -> list[list[SimilarAd]]:
        """Return the nearest comparable ads of each car, nearest first; empty where nothing is comparable."""
        matrix, names = self._features(columns), self._features.feature_names
        query = Listings(*(matrix[:, names.index(name)] for name in LISTING), price=np.zeros(len(matrix)))
        found = nearest(self._listings, query, count=count, scales=scales)
        return [_ads(self._listings.rows(rows)) for rows in found]


def dump_listings(listings: Listings) -> bytes:
    """Return the content of `listings.npz`: numbers only."""
    return written_arrays({field.name: getattr(listings, field.name) for field in fields(listings)})


def load_listings(content: bytes) -> Listings:
    """Return what `dump_listings` wrote.

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
    for name, codes in ((MODEL, listings.model), (TYPE, listings.type), (CONDITION, listings.condition)):
        known = codes[~np.isnan(codes)]
        if len(known) and not (known.min() >= 0 and known.max() < len(CATEGORIES[name])):
            raise ArtifactError(f"{LISTINGS_FILE} holds a {name} that is not known; train again.")
    numbers = np.concatenate([listings.year, listings.odometer, listings.price])
    if not np.isfinite(numbers).all():
        raise ArtifactError(f"{LISTINGS_FILE} holds a number that is not finite; train again.")
    return listings


def _ads(found: Listings) -> list[SimilarAd]:
    named = zip(found.model, found.type, found.condition, found.year, found.odometer, found.price, strict=True)
    return [
        SimilarAd(
            _text(MODEL, model), _text(TYPE, kind), _text(CONDITION, condition), round(year), round(miles), round(price)
        )
        for model, kind, condition, year, miles, price in named
    ]


def _text(name: str, code: float) -> str:
    return "unknown" if np.isnan(code) else CATEGORIES[name][int(code)]


def _shown(value: float) -> str:
    return "missing" if np.isnan(value) else f"{value:,.6g}"
