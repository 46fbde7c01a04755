"""Settings of the further truths; light, so that the project's configuration can carry them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from common_utils.config import BaseConfig

__all__ = ["FlatRateConfig", "LatentClass", "checked_classes"]

_Share = Annotated[float, Field(ge=0, le=1)]
_Factor = Annotated[float, Field(ge=0, le=20)]


class FlatRateConfig(BaseConfig):
    """Who dreads what is charged beyond the fee, who dreads the fee, and how much.

    Examples
    --------
    >>> FlatRateConfig().share
    0.6
    """

    share: _Share = Field(default=0.6, description="share of subscribers with a flat-rate bias")
    dread: _Factor = Field(
        default=3.0, description="their further weight of what they believe to pay beyond the fee, in units of bill"
    )
    per_use_share: _Share = Field(default=0.1, description="share with a pay-per-use bias")
    per_use_dread: _Factor = Field(default=0.5, description="their further weight of the fee, in units of bill")

    @model_validator(mode="after")
    def _nobody_has_both(self) -> FlatRateConfig:
        if self.share + self.per_use_share > 1:
            raise ValueError("share and per_use_share add up to more than 1; nobody has both biases")
        return self


class LatentClass(BaseConfig):
    """A kind of chooser: factors on every taste of its members, so that their tastes go together.

    Examples
    --------
    >>> LatentClass(name="settled", share=1, inertia=2).price
    1.0
    """

    name: str = Field(min_length=1, max_length=40)
    share: float = Field(gt=0, le=1, description="share of subscribers; all classes' shares add up to 1")
    price: _Factor = Field(default=1.0, gt=0, description="factor on the sensitivity to price")
    inertia: _Factor = Field(default=1.0, description="factor on the utility of staying")
    flat_rate: _Factor = Field(default=1.0, description="factor on the utility of everything being unlimited")
    perk: _Factor = Field(default=1.0, description="factor on the utility of one perk")
    contract: _Factor = Field(default=1.0, description="factor on the utility lost per year of a new contract")


def checked_classes(classes: tuple[LatentClass, ...]) -> tuple[LatentClass, ...]:
    """Return the classes.

    Raises
    ------
    ValueError
        If their shares do not add up to 1.
    """
    total = sum(kind.share for kind in classes)
    if abs(total - 1) > 1e-9:
        raise ValueError(f"latent_classes: the shares add up to {total:g}, not 1")
    return classes
