"""The back-test's row "as shipped" is what the command advises, asked month by month as a user would."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from planrec.advice import AnswerPolicy, Engine
from planrec.billing import Catalogue
from planrec.config import load_planrec_config
from planrec.policies.backtest import AS_SHIPPED, bill_backtest
from planrec.rules import configured_rules


def bills(months: pd.DataFrame) -> pd.DataFrame:
    """What each month costs on each plan, worked out from the rate card by hand: dollars."""
    whole = -(-months["minutes"] // 1)
    gigabytes = -(-months["megabytes"] // 1024)

    def bill(fee: float, minutes: int, messages: int, gb: int, prices: tuple[float, float, float]) -> pd.Series:  # type: ignore[type-arg]
        over = [(whole, minutes), (months["messages"], messages), (gigabytes, gb)]
        return fee + sum((used - free).clip(lower=0) * price for (used, free), price in zip(over, prices, strict=True))

    return pd.DataFrame(
        {"surf": bill(20, 500, 50, 15, (0.03, 0.03, 10)), "ultimate": bill(70, 3000, 1000, 30, (0.01, 0.01, 7))}
    )


def regret_of_command(  # type: ignore[no-untyped-def]
    months: pd.DataFrame, folder: Path, run
) -> tuple[float, int]:
    """Mean regret, in dollars, of the plan that `planrec recommend --plans` puts first, and the months it is over."""
    usage = folder / "usage.csv"
    months.to_csv(usage, index=False)
    keyed = bills(months).assign(subscriber_id=months["subscriber_id"].astype(str), month=months["month"])
    regrets: list[float] = []
    for as_of, following in zip(sorted(set(months["month"]))[:-1], sorted(set(months["month"]))[1:], strict=True):
        output = folder / "advice.csv"
        words = ("--usage", usage, "--plans", "configs/plans_megaline.yaml", "--as-of", as_of, "--output", output)
        assert run("recommend", "--top", 1, *words) == 0
        advised = pd.read_csv(output, dtype={"subscriber_id": str}).set_index("subscriber_id")["plan_id"]
        before = set(keyed.loc[keyed["month"] == as_of, "subscriber_id"])
        after = keyed[(keyed["month"] == following) & keyed["subscriber_id"].isin(before)]
        for row in after.itertuples():
            paid = getattr(row, advised[row.subscriber_id])
            regrets.append(paid - min(row.surf, row.ultimate))
    return sum(regrets) / len(regrets), len(regrets)


def shipped_row(months: pd.DataFrame, catalogue: Catalogue, project: Path) -> tuple[float, int]:
    config = load_planrec_config(project, environ={})
    engine = Engine(catalogue, configured_rules(config.rules, project, catalogue))
    policy = AnswerPolicy.of(config, engine.rules, "advice", forecast=False)
    test = bill_backtest(months, engine, policy, histories=[3], risk_weights=[0.0], resamples=50, seed=1)
    last = test.rows[-1]
    assert last["policy"] == AS_SHIPPED
    return last["regret_cents"]["estimate"] / 100, test.n_all  # type: ignore[index]


def test_the_shipped_row_is_what_the_command_advises(  # type: ignore[no-untyped-def]
    megaline: Catalogue, project_folder: Path, tmp_path: Path, run
) -> None:
    gigabytes = {  # by customer, January to June; both plans cost the same at 20 GB: 70 dollars
        "light on ultimate": ("ultimate", [1, 2, 1, 3, 2, 1]),
        "heavy on surf": ("surf", [24, 25, 22, 26, 24, 25]),
        "a tie on ultimate": ("ultimate", [20, 20, 20, 20, 15, 15]),
        "a tie on surf": ("surf", [20, 20, 20, 20, 24, 24]),
        "now and then": ("surf", [10, 28, 10, 10, 28, 10]),
    }
    months = pd.DataFrame(
        [
            (who, f"2018-{number:02d}", 0.0, 0.0, gb * 1024.0, plan)
            for who, (plan, used) in gigabytes.items()
            for number, gb in enumerate(used, start=1)
        ],
        columns=["subscriber_id", "month", "minutes", "messages", "megabytes", "current_plan"],
    ).sort_values(["subscriber_id", "month"], ignore_index=True)
    asked, n = regret_of_command(months, tmp_path, run)
    shipped, of = shipped_row(months, megaline, project_folder)
    assert (n, of) == (25, 25)
    assert asked > 0
    assert shipped == pytest.approx(asked, abs=1e-9)


@pytest.mark.realdata
def test_the_published_row_is_what_the_command_advises(  # type: ignore[no-untyped-def]
    megaline_folder: Path, megaline: Catalogue, project_folder: Path, tmp_path: Path, run
) -> None:
    from planrec.usage.event_files import read_megaline

    data = read_megaline(megaline_folder, megaline, churn_cut="none", empty_months="drop").months
    asked, n = regret_of_command(data, tmp_path, run)
    shipped, of = shipped_row(data, megaline, project_folder)
    assert n == of == 1803
    assert shipped == pytest.approx(asked, abs=1e-9)
    document = (project_folder / "docs" / "megaline.md").read_text(encoding="utf-8")
    published = next(line for line in document.splitlines() if line.startswith(f"| {AS_SHIPPED} "))
    assert published.split("|")[2].split()[0] == f"{asked:.2f}"
