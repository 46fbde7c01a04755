"""Promises on operators that nobody tuned to: other ways to choose, other parameters, other rate cards.

Each world is measured by `planrec study` on the same seeds; `--document` writes PlanRec/docs/other_worlds.md. What is
not kept is named, and where more of those moved are worse off than promised, the curve over the certainty is shown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from common_utils.outputs import write_text
from planrec.study.answers import CURVE, SHIPPED, WITHOUT_CERTAINTY

PROJECT = Path(__file__).resolve().parents[2] / "PlanRec"
OPERATORS = "configs/operators"
LEAST_SAFE = 0.92
TEMPLATE = """# Operators nobody tuned to

Written by `{command}`.
{seeds} operators of {subscribers} subscribers each (seeds {listed}); a bundle is trained on each with the shipped
settings and judged by the operator's own truth, as in [promises](promises.md), where the words are explained.

The first four worlds choose otherwise than the choice model presumes; in the others one thing differs from
`configs/simulator.yaml`, as the file of that name in `configs/operators/` says. No setting was chosen on them.

Choice is the skill in NDCG@5 over the best baseline that learns nothing, demand the predicted over the real demand for
the launched plan. Safe is the share of those moved by advice who are not worse off (promised: .92), loss the 95th
percentile of what those moved lose a month in EUR (promised: at most 3), saving the share of the saving without the
rule of certainty (promised: .80). Each figure stands first for the known plans, then with the launched plan.

{table}

Offers made, and the change of true three-month churn of those offered, in points, against the same people not
contacted; below 300 offers it is chance:

{offers}
{curves}
Promises not kept, by world:

{broken}
"""


@dataclass(frozen=True)
class OtherWorld:
    """One world: its name, and the options of `planrec study` that make it."""

    name: str
    options: Sequence[str]
    truth: str = "logit"


WORLDS = (
    *(OtherWorld(f"{truth.replace('_', ' ')}", (), truth) for truth in ("habit", "loss_averse", "flat_rate")),
    OtherWorld("latent classes", (), "latent_classes"),
    *(
        OtherWorld(f"{name}.yaml", ("--operator", f"{OPERATORS}/{name}.yaml"))
        for name in ("campaign", "constants", "growth", "noise", "season")
    ),
    *(
        OtherWorld(f"{name}.yaml, {truth}", ("--set", f"data.simulator.plans={OPERATORS}/{name}.yaml"), truth)
        for name, truth in (
            ("plans_6", "logit"),
            ("plans_40", "logit"),
            ("plans_earlier_launch", "logit"),
            ("plans_earlier_launch", "satisficing"),
        )
    ),
)


@dataclass(frozen=True)
class Found:
    """What the study says of one world."""

    world: OtherWorld
    promises: list[dict[str, str]]
    operators: list[dict[str, float]]

    def said(self, start: str, part: str = "") -> str:
        """Return what was measured of the one promise that begins so and holds that part, without its error."""
        texts = [line["measured"] for line in self.promises if line["what"].startswith(start) and part in line["what"]]
        return texts[0].split(" (")[0] if texts else "-"

    def safe(self, world: str, policy: str) -> float:
        """Return the share of those moved who are not worse off."""
        moved, worse = (sum(one[f"{world}.advice.{policy}.{name}"] for one in self.operators) for name in _COUNTS)
        return 1 - worse / moved if moved else float("nan")


_COUNTS = ("moved", "worse")
_PLACES = ("known plans", "with the launched plan")


def main() -> None:
    """Measure, print, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="101,102,103", help="operators, separated by commas")
    parser.add_argument("--subscribers", type=int, default=3000)
    parser.add_argument("--only", default="", help="names of worlds that hold this text")
    parser.add_argument("--keep", type=Path, help="folder for figures of operators, to go on after an interruption")
    parser.add_argument("--document", action="store_true", help="write PlanRec/docs/other_worlds.md")
    options = parser.parse_args()
    found = [
        _measured(world, options.seeds, options.subscribers, options.keep)
        for world in WORLDS
        if options.only in world.name
    ]
    text = _document(found, options.seeds, options.subscribers)
    print(text)
    if options.document:
        write_text(PROJECT / "docs" / "other_worlds.md", text)


def _measured(world: OtherWorld, seeds: str, subscribers: int, keep: Path | None) -> Found:
    print(f"{world.name} ...", file=sys.stderr, flush=True)
    kept = [] if keep is None else ["--keep", str(keep.resolve())]
    command = [sys.executable, "-m", "planrec.cli", "study", "--seeds", seeds, "--subscribers", str(subscribers)]
    command += ["--truths", world.truth, "--json", *kept, *world.options]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if not run.stdout:
        raise SystemExit(f"{world.name}: {run.stderr.strip()}")
    data = cast(dict[str, Any], json.loads(run.stdout))
    return Found(world, data["promises"], data["operators"][world.truth])


def _document(found: Sequence[Found], seeds: str, subscribers: int) -> str:
    head = ["world", "choice", "demand", "safe", "loss", "saving"]
    rows = [
        [
            one.world.name,
            _both(one, "choice, {}: skill"),
            one.said("choice: predicted over real demand").split(";")[0],
            _both(one, "advice as shipped, {}: share"),
            _both(one, "advice as shipped, {}: P95"),
            _both(one, "advice as shipped, {}: saving"),
        ]
        for one in found
    ]
    offers = [
        [one.world.name, _both(one, "offers, {}: made"), _both(one, "offers, {}: 3-month churn")] for one in found
    ]
    curves = list(_curves(found))
    broken = [f"- {one.world.name}: {_names(one)}" for one in found]
    return TEMPLATE.format(
        command=f"python benchmarks/planrec/other_worlds.py --seeds {seeds} --subscribers {subscribers} --document",
        seeds=len(seeds.split(",")),
        listed=seeds.replace(",", ", "),
        subscribers=f"{subscribers:,}",
        table=_table(head, rows),
        offers=_table(["world", "offers", "change, points"], offers),
        curves=_curve_table(curves),
        broken="\n".join(broken),
    )


def _both(one: Found, what: str) -> str:
    return ", ".join(one.said(what.format(place)) for place in _PLACES)


def _names(one: Found) -> str:
    lines = [f"{line['what']} ({line['measured']})" for line in one.promises if line["reached"] == "NO"]
    return "; ".join(lines) or "none"


def _curves(found: Sequence[Found]) -> Iterator[list[str]]:
    for one in found:
        for world, place in zip(("known", "launch"), _PLACES, strict=True):
            if one.safe(world, SHIPPED.key) < LEAST_SAFE:
                shares = [f"{one.safe(world, policy.key):z.3f}" for policy in (WITHOUT_CERTAINTY, *CURVE)]
                yield [f"{one.world.name}, {place}", *shares]


def _curve_table(curves: Sequence[Sequence[str]]) -> str:
    if not curves:
        return ""
    table = _table(["world", *(f"{policy.certainty or 0:g}" for policy in (WITHOUT_CERTAINTY, *CURVE))], curves)
    return f"\nSafe by certainty, where it is below {LEAST_SAFE:z.2f}:\n\n{table}\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
