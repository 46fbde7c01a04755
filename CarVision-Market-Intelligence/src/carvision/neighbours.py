"""Comparable listings: the nearest ads of the same model, by exact search over plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray

__all__ = ["Listings", "Scales", "nearest", "unique_listings"]


@dataclass(frozen=True)
class Listings:
    """Ads as columns; no text of an ad, no seller, no date.

    Attributes
    ----------
    model, type, condition : float64 array of shape (n,)
        Codes; conditions ascend.
    year, odometer : float64 array of shape (n,)
        Year, miles; known in every row of a base to search.
    price : float64 array of shape (n,)
        US dollars.
    """

    model: FloatArray
    type: FloatArray
    condition: FloatArray
    year: FloatArray
    odometer: FloatArray
    price: FloatArray

    def rows(self, chosen: IntArray | NDArray[np.bool_]) -> Listings:
        """Return some of the rows.

        Examples
        --------
        >>> ads = Listings(*(np.arange(3.0) for _ in range(6)))
        >>> ads.rows(np.array([2])).price.tolist()
        [2.0]
        """
        return Listings(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True)
class Scales:
    """What counts as one step of distance.

    Attributes
    ----------
    year, odometer, condition : float
        Years, miles and steps of condition that weigh the same; > 0.
    """

    year: float
    odometer: float
    condition: float


def unique_listings(listings: Listings) -> Listings:
    """Return complete ads once each: a re-post is not a second piece of evidence.

    Parameters
    ----------
    listings : Listings
        Ads of one car (same model, year and odometer) count once, the first.

    Examples
    --------
    >>> same = np.array([1.0, 1.0, np.nan])
    >>> ads = Listings(same, same, same, same, same, np.array([9000.0, 9100.0, 9200.0]))
    >>> unique_listings(ads).price.tolist()
    [9000.0]
    """
    known = np.isnan(np.column_stack([listings.model, listings.year, listings.odometer])).sum(axis=1) == 0
    complete = listings.rows(known)
    cars = np.column_stack([complete.model, complete.year, complete.odometer])
    _, first = np.unique(cars, axis=0, return_index=True)
    return complete.rows(np.sort(first))


def nearest(base: Listings, query: Listings, *, count: int, scales: Scales) -> list[IntArray]:
    """Return for each query the rows of the nearest comparable ads, nearest first.

    Comparable is the same model; of a model that is not in the base, the same body type. Distance is the sum of the
    steps between year, odometer, condition and (half a step) type; what the query does not know counts nothing.

    Parameters
    ----------
    base : Listings
        As `unique_listings`.
    query : Listings
        Prices are not looked at.
    count : int
        The most listings returned; fewer if fewer are comparable.
    scales : Scales

    Returns
    -------
    list of int64 array
        Rows of the base, one array for each query.

    Examples
    --------
    >>> zeros, ones, years = np.zeros(3), np.ones(3), np.array([2010.0, 2012, 2018])
    >>> base = Listings(zeros, zeros, ones, years, np.full(3, 9e4), ones)
    >>> query = Listings(np.zeros(1), np.zeros(1), np.ones(1), np.array([2013.0]), np.array([np.nan]), np.zeros(1))
    >>> nearest(base, query, count=2, scales=Scales(1, 15_000, 1))[0].tolist()
    [1, 0]
    """
    return [_nearest_of_one(base, query.rows(np.array([number])), count, scales) for number in range(len(query.model))]


def _nearest_of_one(base: Listings, one: Listings, count: int, scales: Scales) -> IntArray:
    comparable = np.flatnonzero(base.model == one.model[0])
    if not len(comparable):
        comparable = np.flatnonzero(base.type == one.type[0])
    ads = base.rows(comparable)
    distance = (
        _steps(ads.year, one.year, scales.year)
        + _steps(ads.odometer, one.odometer, scales.odometer)
        + _steps(ads.condition, one.condition, scales.condition)
        + 0.5 * (ads.type != one.type[0])
    )
    return comparable[np.argsort(distance, kind="stable")[:count]]


def _steps(values: FloatArray, value: FloatArray, scale: float) -> FloatArray:
    return np.nan_to_num(np.abs(values - value[0]) / scale, nan=0.0)
