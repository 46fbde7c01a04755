r"""What it costs that a tree looks at one number on its way to a leaf: later months of subscribers no model has seen.

The folds are those of `planrec.choice.selection`. Differences are paired by subscriber.

    python benchmarks/planrec/plan_trees.py --seeds 1 2 3 --process logit
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from common_utils.array_types import FloatArray, IntArray
from common_utils.evaluation import chosen_ranks, ndcg_at_k, paired_mean_difference
from planrec.bundle.choice_model import tempered
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.logit import ConditionalLogit, chosen_of
from planrec.choice.selection import best_temperature, later_folds
from planrec.columns import SUBSCRIBER
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.preparation import Prepared, prepare

PROJECT = Path(__file__).resolve().parents[2] / "PlanRec"
FREE = "trees, any numbers together"


def contenders(config: PlanRecConfig, prepared: Prepared) -> dict[str, Callable[[], Any]]:
    """Return unfitted models by name."""
    months, seed, card = config.features.history_months, config.training.seed, prepared.catalogue
    current, sizes = config.data.chosen().with_current_plan, config.training.challenger
    trees = MonotoneBoosting(card, sizes, months, with_current_plan=current, seed=seed)
    free = MonotoneBoosting(card, sizes, months, with_current_plan=current, seed=seed, one_number=False)
    logit = ConditionalLogit(card, history_months=months, with_current_plan=current)
    return {"logit": lambda: clone(logit), FREE: lambda: clone(free), "trees, one number": lambda: clone(trees)}


def tried(config: PlanRecConfig, prepared: Prepared) -> tuple[dict[str, tuple[FloatArray, FloatArray]], IntArray]:
    """Return log loss and NDCG@5 of every decision tried, by model, and whose the decisions are."""
    rows = prepared.train
    y = rows[CHOSEN_PLAN].to_numpy(dtype=object)
    chosen, folds = chosen_of(y, prepared.catalogue), list(later_folds(config, rows, y))
    asked = np.sort(np.concatenate([score_on for _, score_on in folds]))
    found: dict[str, tuple[FloatArray, FloatArray]] = {}
    for name, made in contenders(config, prepared).items():
        chances = np.zeros((len(rows), len(prepared.catalogue.plans)))
        for fit_on, score_on in folds:
            chances[score_on] = made().fit(rows.iloc[fit_on], y[fit_on]).predict_proba(rows.iloc[score_on])
        own = tempered(chances[asked], best_temperature(chances[asked], chosen[asked]))
        loss = -np.log(np.maximum(own[np.arange(len(asked)), chosen[asked]], 1e-12))
        found[name] = loss, ndcg_at_k(chosen_ranks(own, chosen[asked]), 5)
    return found, pd.factorize(rows[SUBSCRIBER].to_numpy()[asked])[0].astype(np.int64)


def lines(seed: int, process: str, found: Mapping[str, tuple[FloatArray, FloatArray]], whose: IntArray) -> list[str]:
    """Return one line a model: means, and differences from trees that may look at any numbers together."""
    said = list[str]()
    for name, (loss, ndcg) in found.items():
        apart = [
            paired_mean_difference(mine, free, groups=whose, n_resamples=500, rng=np.random.default_rng(seed))
            for mine, free in zip((loss, ndcg), found[FREE], strict=True)
        ]
        loss_text, ndcg_text = (f"{a.mean:+.4f} +- {a.se:.4f}" for a in apart)
        said.append(
            f"| {seed}, {process} | {name} | {loss.mean():.4f} | {loss_text} | {ndcg.mean():.4f} | {ndcg_text} |"
        )
    return said


def main() -> None:
    """Try the models on operators of the seeds given, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of operators to develop on: 1 to 50")
    parser.add_argument("--process", default="logit", help="how subscribers choose: simulator.choice_process")
    options = parser.parse_args()
    print("| operator | model | log loss | less free trees | NDCG@5 | less free trees |\n|---|---|---|---|---|---|")
    for seed in options.seeds:
        config = load_planrec_config(
            PROJECT, overrides=[f"training.seed={seed}", f"simulator.choice_process={options.process}"]
        )
        found, whose = tried(config, prepare(config, PROJECT, lambda _: None))
        print("\n".join(lines(seed, options.process, found, whose)), flush=True)


if __name__ == "__main__":
    main()
