"""`planrec study`: measure every promise on simulated operators, show the table, write the document."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from common_utils.command_line.terminal import note, show_table, steps
from common_utils.config import resolve_path
from common_utils.errors import GateError
from common_utils.outputs import write_text
from planrec.billing import load_catalogue
from planrec.commands.requests import StudyCommand
from planrec.commands.settings import load_run
from planrec.config import PlanRecConfig
from planrec.preparation import Step
from planrec.rules import configured_rules
from planrec.study.measure import PROCESSES, measure_operator
from planrec.study.report import Study, detail_tables, promises, study_document
from planrec.study.safeguards import LeakFigures, defect_study, leak_study

__all__ = ["run_study"]

_COMMAND = "make -C PlanRec evaluate"


def run_study(request: StudyCommand) -> None:
    """Measure, show, write.

    Raises
    ------
    GateError
        If a promise is not kept; the table is shown and written all the same.
    """
    run, output = load_run(request.settings), request.output
    with steps() as step:
        study = _measured(run.config, run.project, step)
    lines = promises(study)
    if output is not None:
        write_text(output, study_document(study, _COMMAND))
        note(f"written to {output}")
    if request.as_json:
        figures = {"promises": [asdict(line) for line in lines], "operators": study.operators}
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    else:
        show_table("Promises", [line.cells() for line in lines])
        for title, rows in detail_tables(study):
            show_table(title, rows)
    broken = [f"{line.what} ({line.truth})" for line in lines if line.reached == "NO"]
    if broken:
        raise GateError(f"study: {len(broken)} promise(s) not kept: {'; '.join(broken[:5])}. See the table.")


def _measured(config: PlanRecConfig, project: Path, step: Step) -> Study:
    source = config.data.simulator
    catalogue = load_catalogue(resolve_path(project, source.plans))
    rules = configured_rules(config.rules, project, catalogue)
    settings = config.evaluation.study
    operators = {
        process: [
            measure_operator(
                config,
                catalogue,
                rules,
                process=process,
                seed=seed,
                step=lambda text, name=f"{process}, seed {seed}": step(f"{name}: {text}"),
            )
            for seed in settings.seeds
        ]
        for process in PROCESSES
    }
    defects = defect_study(config, project, settings.seeds[:2], step)
    return Study(
        operators=operators,
        seeds=settings.seeds,
        leaks=_leaks(config, project, settings.clean_seeds, step),
        defects=defects,
        currency=catalogue.currency,
        safe_gain_cents=settings.safe_gain_cents,
    )


def _leaks(config: PlanRecConfig, project: Path, count: int, step: Step) -> LeakFigures:
    """Audit operators, the choice processes by turns."""
    parts = [
        leak_study(
            config, project, range(first, count, len(PROCESSES)), step, processes=(process,), profiles=("heavy",)
        )
        for first, process in enumerate(PROCESSES)
    ]
    return LeakFigures(
        operators=sum(part.operators for part in parts),
        injected=sum(part.injected for part in parts),
        caught=sum(part.caught for part in parts),
        legitimate=sum(part.legitimate for part in parts),
        accused=sum(part.accused for part in parts),
        missed_leaks=tuple(leak for part in parts for leak in part.missed_leaks),
        accused_columns=tuple(column for part in parts for column in part.accused_columns),
    )
