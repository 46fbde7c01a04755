"""What `bankchurn contacts` does: the list of customers to contact, written to a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bankchurn.config import BankChurnConfig
from bankchurn.retention import contact_list, economics_of
from bankchurn.training import TASK
from common_utils.command_line.terminal import note
from common_utils.table_project.commands import answered
from common_utils.tables import Reading, write_table

__all__ = ["contacts_table", "run_contacts"]


def contacts_table(names: pd.DataFrame, probability: pd.Series, config: BankChurnConfig) -> pd.DataFrame:
    """Return one row for each customer, the first to contact first.

    Parameters
    ----------
    names : DataFrame of shape (n, 1)
        Id, or row number of the file.
    probability : Series of shape (n,)
        Of leaving.
    config : BankChurnConfig
        Its `retention` says what a contact costs and brings, and the budget as a share of the customers of the list.

    Returns
    -------
    DataFrame of shape (n, 6)
        rank (from 1), id or row, probability, expected_profit (euro of a contact), contact (yes or no), total (euro
        that the contacts down to this row bring together).
    """
    found = contact_list(probability, economics_of(config))
    listed = names.iloc[found.order].reset_index(drop=True)
    rank = np.arange(1, len(listed) + 1)
    listed.insert(0, "rank", rank)
    return listed.assign(
        probability=probability.to_numpy()[found.order],
        expected_profit=found.profit,
        contact=np.where(rank <= found.contacts, "yes", "no"),
        total=found.total,
    )


def run_contacts(
    config: BankChurnConfig, folder: Path, input_: Path, output: Path, bundle: Path | None, *, reading: Reading
) -> None:
    """Write the list, and say what it costs and brings by which settings."""
    records, names, answers = answered(TASK, config, folder, input_, bundle, reading=reading)
    listed = contacts_table(names, answers["probability"], config)
    write_table(listed, output)
    note(records.report.summary())
    chosen, economics = listed["contact"] == "yes", economics_of(config)
    note(
        f"contact {int(chosen.sum()):,} of {len(listed):,} customers: {listed['total'].max():,.2f} euro expected, at "
        f"{economics.contact_cost:g} a contact, {economics.kept_value:g} a customer kept, "
        f"{100 * economics.success_rate:g} % of contacted leavers kept, a budget of "
        f"{100 * economics.budget_share:g} % of the customers (settings of `retention`)"
    )
    note(f"{len(listed):,} customers written to {output}")
