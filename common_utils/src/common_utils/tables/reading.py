"""How a table is to be read: what settings and the command line say, and the accounts that come out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self

from common_utils.tables.write import write_table

if TYPE_CHECKING:
    import pandas as pd

    from common_utils.tables.report import RowReport

__all__ = ["Accounts", "ColumnSource", "Reading", "Stated"]

Decimal = Literal["point", "comma"]


class ColumnSource(NamedTuple):
    """What a column of a file is: our name for it, and the unit it is written in where that is not ours."""

    target: str
    unit: str | None = None


class Stated(Protocol):
    """What settings say of a table: `common_utils.config.reading.ReadingConfig`."""

    @property
    def columns(self) -> Mapping[str, str | Mapping[Literal["is", "unit"], str]]:
        """Column of the file -> our name, or that with a unit."""
        ...

    @property
    def decimal(self) -> Decimal | None:
        """Sign of decimals, where it is stated."""
        ...

    @property
    def timezone(self) -> str | None:
        """Zone whose days count, where it is stated."""
        ...

    @property
    def accept_units(self) -> bool:
        """Whether amounts are taken in spite of doubts."""
        ...

    @property
    def max_rejected_share(self) -> float:
        """Share of rows that may be rejected."""
        ...


@dataclass
class Accounts:
    """What became of the rows of every table a command read; filled while reading, shown and written at the end.

    Attributes
    ----------
    reports : list of RowReport
    whole : bool
        Whether tables were gone through to their end; else nobody knows all their rejected rows, and none are written.
    """

    reports: list[RowReport] = field(default_factory=list)
    _rejects: list[tuple[str, pd.DataFrame | Callable[[], pd.DataFrame]]] = field(default_factory=list)
    whole: bool = True

    def add(self, report: RowReport, rejects: pd.DataFrame | Callable[[], pd.DataFrame]) -> None:
        """Take the account of a table; one that was read before under that name is replaced.

        Parameters
        ----------
        report : RowReport
        rejects : DataFrame or callable
            The rejected rows, or what returns them once they are asked for.
        """
        self.update(report)
        self._rejects.append((report.table, rejects))
        self.whole = True

    def update(self, report: RowReport) -> None:
        """Take the account of a table once rules of the project set some of its rows aside."""
        self.reports = [known for known in self.reports if known.table != report.table] + [report]

    def rejects(self) -> pd.DataFrame:
        """Return table, row, column and reason of every rejected row."""
        import pandas as pd

        none = pd.DataFrame({"table": [], "row": [], "column": [], "reason": []})
        found = ((rejects() if callable(rejects) else rejects).assign(table=table) for table, rejects in self._rejects)
        whole = pd.concat([none, *found])
        whole = whole[["table", "row", "column", "reason"]].astype({"row": "int64"})
        return whole.drop_duplicates(["table", "row"], keep="last").reset_index(drop=True)

    def write_rejects(self, path: Path) -> int:
        """Write every rejected row to a file, CSV or Parquet by its ending; return how many there are."""
        rejected = self.rejects()
        write_table(rejected, path)
        return len(rejected)


@dataclass(frozen=True)
class Reading:
    """How one table is to be read.

    Attributes
    ----------
    columns : mapping of str to ColumnSource
        Column of the file -> what it is; the others keep their names.
    decimal, timezone, accept_units
        As `ReadingConfig`.
    max_rejected_share : float or None
        None: any share may be rejected, as long as a row is left.
    accounts : Accounts
        Takes the account of every table read.
    """

    columns: Mapping[str, ColumnSource] = field(default_factory=dict)
    decimal: Decimal | None = None
    timezone: str | None = None
    accept_units: bool = False
    max_rejected_share: float | None = None
    accounts: Accounts = field(default_factory=Accounts)

    @classmethod
    def of(cls, config: Stated) -> Self:
        """Return what the settings say.

        Examples
        --------
        >>> from common_utils.config.reading import ReadingConfig
        >>> config = ReadingConfig(columns={"billsec": {"is": "minutes", "unit": "seconds"}})
        >>> Reading.of(config).columns["billsec"]
        ColumnSource(target='minutes', unit='seconds')
        """
        columns = {
            name: ColumnSource(said) if isinstance(said, str) else ColumnSource(said["is"], said.get("unit"))
            for name, said in config.columns.items()
        }
        return cls(columns, config.decimal, config.timezone, config.accept_units, config.max_rejected_share)

    def named(self, columns: Mapping[str, str]) -> Self:
        """Return the same with further columns under other names."""
        return replace(self, columns={**self.columns, **{k: ColumnSource(v) for k, v in columns.items()}})

    def over(self, config: Stated) -> Reading:
        """Return the settings with what this, from a command line, says over them; the accounts are this one's."""
        said = Reading.of(config)
        return replace(
            said,
            columns={**said.columns, **self.columns},
            decimal=self.decimal or said.decimal,
            timezone=self.timezone or said.timezone,
            accept_units=self.accept_units or said.accept_units,
            accounts=self.accounts,
        )
