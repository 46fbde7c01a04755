"""`planrec choices`: measure the models of choice on real choices, show the tables, write the document and the plot."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from common_utils.command_line.terminal import note, show_table, steps
from common_utils.errors import GateError
from common_utils.outputs import write_text
from planrec.commands.requests import ChoicesCommand
from planrec.commands.settings import load_run
from planrec.data import portfolio_file
from planrec.panel.measure import measured_choices
from planrec.panel.plot import write_choices_plot
from planrec.panel.report import choices_document, choices_tables, expectations
from planrec.panel.table import TABLE_FILE, read_panel
from planrec.panel.unseen import Sizes

__all__ = ["run_choices"]

_COMMAND = "make -C PlanRec choices"


def run_choices(request: ChoicesCommand) -> None:
    """Measure, show, write.

    Raises
    ------
    ConfigError, DataError
        If the table is not named, is missing, or cannot be used.
    GateError
        If an expectation is not met; the tables are shown and written all the same.
    """
    config = load_run(request.settings).config
    path = request.data or portfolio_file(TABLE_FILE, option="--data")
    with steps() as step:
        step(f"reading {path.name}")
        figures = measured_choices(
            read_panel(path),
            Sizes(config.training.challenger),
            resamples=config.evaluation.resamples,
            seed=config.training.seed,
            step=step,
        )
    if request.plot is not None:
        write_choices_plot(request.plot, figures)
        note(f"plot written to {request.plot}")
    if request.output is not None:
        link = None if request.plot is None else _link(request.plot, request.output)
        write_text(request.output, choices_document(figures, _COMMAND, plot=link))
        note(f"written to {request.output}")
    lines = expectations(figures)
    if request.as_json:
        sys.stdout.write(json.dumps({"expectations": lines, **figures}, indent=1) + "\n")
    else:
        for title, rows in [("What was expected", lines), *choices_tables(figures)]:
            show_table(title, rows)
    missed = [line["what"] for line in lines if line["reached"] == "NO"]
    if missed:
        raise GateError(f"choices: {len(missed)} expectation(s) not met: {'; '.join(missed)}. See the table.")


def _link(plot: Path, document: Path) -> str:
    return Path(os.path.relpath(plot.resolve(), document.resolve().parent)).as_posix()
