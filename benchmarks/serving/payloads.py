"""Varied request bodies, and the script that makes wrk send them in turn."""

from __future__ import annotations

import json
import random
from pathlib import Path

from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.months import month_index

__all__ = ["bodies", "record", "wrk_script"]

_PLANS = ("basic-6", "smart-12", "smart-25", "unlimited", "talk-800", "data-20", "prepaid-0")


def bodies(count: int, seed: int = 7) -> list[str]:
    """Return the bodies of `POST /predict`: 1 to 6 months, a plan or none, known or unknown age and contract."""
    draw = random.Random(seed)
    made: list[str] = []
    for _ in range(count):
        level = draw.lognormvariate(0, 0.7)
        usage = [
            {
                "month": f"2025-{10 - back:02d}",
                "minutes": round(300 * level * draw.uniform(0.5, 1.5)),
                "messages": draw.choice((0, draw.randrange(60))),
                "megabytes": round(9000 * level * draw.uniform(0.5, 1.5), 2),
            }
            for back in range(draw.choice((1, 3, 6, 6, 6)))
        ]
        body: dict[str, object] = {"usage": usage}
        if draw.random() < 0.9:
            body |= {"current_plan": draw.choice(_PLANS), "age": draw.randrange(18, 90)}
        if draw.random() < 0.6:
            body |= {"tenure_months": draw.randrange(60), "contract_months_left": draw.randrange(24)}
        made.append(json.dumps(body, separators=(",", ":")))
    return made


def record(body: str) -> SubscriberRecord:
    """Return the subscriber that a body is about, as the core takes one."""
    said = json.loads(body)
    months = [UsageMonth(month_index(m["month"]), m["minutes"], m["messages"], m["megabytes"]) for m in said["usage"]]
    names = ("current_plan", "age", "tenure_months", "contract_months_left")
    return SubscriberRecord(months, *(said.get(name) for name in names))


def wrk_script(path: Path, payloads: list[str], headers: dict[str, str]) -> None:
    """Write the Lua script; every thread goes through all bodies, and an answer other than 200 is counted."""
    quoted = ",\n".join(f"[==[{body}]==]" for body in payloads)
    said = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    path.write_text(
        f"local bodies = {{\n{quoted}\n}}\n"
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n{said}\n'
        "local place = 0\n"
        "function request()\n"
        "  place = place % #bodies + 1\n"
        "  return wrk.format(nil, nil, nil, bodies[place])\n"
        "end\n",
        encoding="utf-8",
    )
