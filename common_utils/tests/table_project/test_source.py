from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pytest

from common_utils.config.reading import ReadingConfig
from common_utils.errors import ConfigError, DataError
from common_utils.table_project.config import TableDataConfig
from common_utils.table_project.source import (
    SourceTable,
    apply_rules,
    load_table,
    public_table,
    read_records,
    stated,
)
from common_utils.tables import RowReport
from common_utils.units.factors import money

SCHEMA = pandera.DataFrameSchema({"price": pandera.Column(float, pandera.Check.ge(0, error="negative"))})
CONFIG = TableDataConfig(public_file="cars.csv", sample_rows=500)


def _sample(n_rows: int) -> pd.DataFrame:
    return pd.DataFrame({"price": np.arange(float(n_rows))})


def _load(config: TableDataConfig, folder: Path, **environ: str) -> SourceTable:
    return load_table(config, SCHEMA, name="cars", folder=folder, sample=_sample, environ=environ)


def _table(folder: Path, name: str = "cars.csv", text: str = "price,note\n1,x\n-1,y\n3,z\n") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_without_a_table_the_sample_is_made(tmp_path: Path) -> None:
    table = _load(CONFIG, tmp_path)
    assert (table.source, len(table.frame), table.report.kept) == ("sample", 500, 500)


def test_the_public_table_is_found_through_the_environment(tmp_path: Path) -> None:
    _table(tmp_path)
    with pytest.raises(DataError, match="More than 5 %"):
        _load(CONFIG, tmp_path / "project", PORTFOLIO_DATA=str(tmp_path))
    config = CONFIG.model_copy(update={"table": ReadingConfig(max_rejected_share=0.5)})
    table = _load(config, tmp_path / "project", PORTFOLIO_DATA=str(tmp_path))
    assert (table.source, table.name, table.frame["price"].tolist()) == ("table", "cars.csv", [1.0, 3.0])
    assert table.rows.tolist() == [1, 3]
    assert table.report.rejected == {"price: negative": 1}


def test_a_named_file_counts_from_the_project_and_comes_first(tmp_path: Path) -> None:
    _table(tmp_path, "mine.csv", "price\n7\n")
    config = CONFIG.model_copy(update={"file": Path("mine.csv")})
    assert _load(config, tmp_path, PORTFOLIO_DATA=str(tmp_path)).frame["price"].tolist() == [7.0]


def test_the_sample_can_be_asked_for_where_there_is_a_table(tmp_path: Path) -> None:
    _table(tmp_path)
    assert (
        _load(CONFIG.model_copy(update={"source": "sample"}), tmp_path, PORTFOLIO_DATA=str(tmp_path)).source == "sample"
    )


def test_a_table_that_is_asked_for_and_not_named_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"set PORTFOLIO_DATA to the folder of cars\.csv"):
        _load(CONFIG.model_copy(update={"source": "table"}), tmp_path)


def test_set_but_missing_is_an_error_never_the_sample(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"its folder has no cars\.csv"):
        public_table("cars.csv", environ={"PORTFOLIO_DATA": str(tmp_path)})


def test_rules_count_each_row_once_under_the_first(tmp_path: Path) -> None:
    table = read_records(_table(tmp_path), SCHEMA, name="cars")
    price = table.frame["price"].to_numpy()
    cleaned = apply_rules(table, {"below 2": price < 2, "below 3": price < 3, "below 0": price < 0})
    assert (cleaned.report.rejected, cleaned.report.set_aside) == ({"price: negative": 1}, {"below 2": 1})
    assert cleaned.report.read == cleaned.report.kept + 2 == 3
    assert cleaned.rows.tolist() == [3]
    assert cleaned.frame.index.tolist() == [0]
    assert apply_rules(table, {}) is table


def test_rules_that_leave_nothing_are_refused() -> None:
    table = SourceTable(_sample(2), np.arange(1, 3), RowReport("cars", read=2, kept=2), "sample", "sample")
    with pytest.raises(DataError, match="remove every row"):
        apply_rules(table, {"all": np.ones(2, dtype=bool)})


def test_the_fingerprint_is_of_the_rows() -> None:
    one, two = (SourceTable(_sample(n), np.arange(n), RowReport("c", n, n), "sample", "s") for n in (3, 4))
    assert one.fingerprint != two.fingerprint
    assert len(one.fingerprint) == 64


def test_one_mapping_serves_the_training_file_and_the_records() -> None:
    training = SCHEMA.add_columns({"sold": pandera.Column(bool)})
    config = CONFIG.model_copy(update={"table": ReadingConfig(columns={"Preis": "price", "verkauft": "sold"})})
    assert list(stated(config, training).columns) == ["Preis", "verkauft"]
    assert list(stated(config, SCHEMA, training=training).columns) == ["Preis"]
    with pytest.raises(ConfigError, match=r"leads to \['sold'\], which the table does not have; it has \['price'\]"):
        stated(config, SCHEMA)


def test_the_unit_of_the_mapping_holds_in_training_too(tmp_path: Path) -> None:
    metadata = {"units": money("dollars")}
    schema = pandera.DataFrameSchema({"price": pandera.Column(float, metadata=metadata)})
    _table(tmp_path, "mine.csv", "cents\n700\n850\n")
    said = ReadingConfig.model_validate({"columns": {"cents": {"is": "price", "unit": "cents"}}})
    config = CONFIG.model_copy(update={"file": Path("mine.csv"), "table": said})
    table = load_table(config, schema, name="cars", folder=tmp_path, sample=_sample, environ={})
    assert table.frame["price"].tolist() == [7.0, 8.5]
