"""Answers of this checkout against those of another, by digest: months of events, what-if, and the demand of a draft.

`same_as.py --other PYTHON` takes the interpreter of the other checkout. Both get the same simulated files:
Parquet and CSV, sorted and shuffled, whole and with rows that have to be rejected. Exit code 1 where a digest differs.
Of a draft all but the intervals is compared, to nine decimals: its resamples were once drawn in another way, and
its sums over subscribers taken in another order.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from bench_streams import CARD, PROJECT, SMALL
from synthetic import DRAFTED

_ASK = """
import contextlib, hashlib, io, json, sys
from pathlib import Path
import pandas as pd
from common_utils.errors import PortfolioError
from common_utils.tables import Reading
from planrec.billing import load_catalogue
from planrec.cli import main
from planrec.usage.event_files import read_event_tables

folder, card, bundle, plan = map(Path, sys.argv[1:])
digests = {}

def keep(name, *texts):
    digests[name] = hashlib.sha256("\\n".join(map(str, texts)).encode()).hexdigest()[:16]

for events in sorted(folder.glob("events*")):
    for cut in ("documented", "none"):
        reading = Reading()
        try:
            data = read_event_tables(events, load_catalogue(card), churn_cut=cut, reading=reading)
            said = [data.months.to_csv(), *(report.summary() for report in data.reports), *data.notes]
        except PortfolioError as error:
            said = [error]
        keep(f"{events.name} {cut}", *said, reading.accounts.rejects().to_csv())

def command(name, *call):
    output, rejects = folder / "out.csv", folder / "rejects.csv"
    sys.argv = ["planrec", *map(str, call), "--output", str(output), "--rejects", str(rejects)]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main()
    files = [path.read_text() if path.exists() else "none" for path in (output, rejects)]
    if call[0] == "draft" and output.exists():
        table = pd.read_csv(output)
        files[0] = table[[c for c in table if not c.endswith(("_low", "_high"))]].round(9).to_csv()
        said = io.StringIO()
    keep(name, *files, said.getvalue().replace(str(folder), ""))
    for path in (output, rejects):
        path.unlink(missing_ok=True)

for usage in sorted(folder.glob("months*")):
    asked = ("--usage", usage, "--as-of", "2025-10")
    command(f"what-if past {usage.name}", "what-if", *asked, "--plans", card, "--usage-factor", "1.2", "--travel")
    command(f"what-if {usage.name}", "what-if", *asked, "--bundle", bundle, "--usage-factor", "0.8")
    command(f"draft {usage.name}", "draft", *asked, "--bundle", bundle, "--plan", plan)
print("digests", json.dumps(digests))
"""


def main() -> int:
    """Ask both and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other", required=True, help="the interpreter of the other checkout's environment")
    parser.add_argument("--bundle", type=Path, help="a bundle that both can open; else one is trained by the other")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _planrec(options.other, "simulate", "--output", str(folder / "made"), "--set", "simulator.subscribers=1200")
        _prepare(folder)
        bundle = options.bundle or folder / "artifacts"
        if options.bundle is None:
            further = [part for one in SMALL for part in ("--set", one)]
            _planrec(options.other, "train", "--output", str(bundle), *further)
        theirs, ours = (_digests(python, folder, bundle) for python in (options.other, sys.executable))
    differ = [name for name in sorted({*theirs, *ours}) if theirs.get(name) != ours.get(name)]
    for name in sorted({*theirs, *ours}):
        print(f"{'differs' if name in differ else 'same   '}  {theirs.get(name)}  {ours.get(name)}  {name}")
    return 1 if differ else 0


def _prepare(folder: Path) -> None:
    """Write the simulated tables as both kinds of file, as they are, shuffled and with faults."""
    rng = np.random.default_rng(5)
    made = folder / "made"
    months = pd.read_parquet(next(iter(sorted(made.glob("*months*.parquet")))))
    shuffled = months.sample(frac=1, random_state=5)
    bad = months.copy()
    bad.loc[rng.choice(len(bad), 40, replace=False), "minutes"] = -1.0
    months.to_parquet(folder / "months.parquet", index=False)
    shuffled.to_parquet(folder / "months_shuffled.parquet", index=False)
    bad.to_parquet(folder / "months_bad.parquet", index=False)
    bad.to_csv(folder / "months_bad.csv", index=False)
    for kind, ending in (("events", "parquet"), ("events_bad", "parquet"), ("events_bad_csv", "csv")):
        (folder / kind).mkdir()
        for path in sorted((made / "events").glob("*.parquet")):
            table = pd.read_parquet(path)
            if kind != "events" and path.stem != "subscribers":
                odd = rng.choice(len(table), 60, replace=False)
                table["subscriber_id"] = table["subscriber_id"].astype(object)
                table.loc[odd[:20], "subscriber_id"] = " " + table.loc[odd[:20], "subscriber_id"].astype(str)
                table.loc[odd[20:30], "subscriber_id"] = "nobody-known"
                table.loc[odd[30:40], "date"] = None
                if amounts := [c for c in table if c in ("minutes", "megabytes")]:
                    table.loc[odd[40:], amounts[0]] = -1.0
            written = folder / kind / f"{path.stem}.{ending}"
            table.to_parquet(written, index=False) if ending == "parquet" else table.to_csv(written, index=False)
    (folder / "plan.yaml").write_text(DRAFTED, encoding="utf-8")


def _digests(python: str, folder: Path, bundle: Path) -> dict[str, str]:
    call = [python, "-c", _ASK, str(folder), str(CARD), str(bundle), str(folder / "plan.yaml")]
    done = subprocess.run(call, capture_output=True, text=True, cwd=PROJECT, check=False)
    if done.returncode:
        raise SystemExit(f"{python} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1].removeprefix("digests "))


def _planrec(python: str, *call: str) -> None:
    code = "import sys; sys.argv[0] = 'planrec'; from planrec.cli import main; main()"
    done = subprocess.run([python, "-c", code, *call], capture_output=True, text=True, cwd=PROJECT, check=False)
    if done.returncode:
        raise SystemExit(f"planrec {call[0]} failed:\n{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
