"""One door to a bundle: what training writes into it, and what everybody else opens; no pandas, no scikit-learn."""

from __future__ import annotations

from planrec.bundle.choice_model import ChoiceModel
from planrec.bundle.contents import BundleContents
from planrec.bundle.matrix import decision_matrix
from planrec.bundle.next_choice import ExpectedChoice, NextChoice
from planrec.bundle.opened import PlanRecBundle, open_configured
from planrec.bundle.said import SaidSettings

__all__ = [
    "BundleContents",
    "ChoiceModel",
    "ExpectedChoice",
    "NextChoice",
    "PlanRecBundle",
    "SaidSettings",
    "decision_matrix",
    "open_configured",
]
