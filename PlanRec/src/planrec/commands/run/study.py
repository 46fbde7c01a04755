"""`planrec study`: measure every promise on simulated operators, show the table, write the document."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from common_utils.command_line.terminal import note, show_table, steps
from common_utils.config import resolve_path
from common_utils.config.marked_yaml import read_marked
from common_utils.errors import ConfigError, GateError
from common_utils.outputs import write_text
from common_utils.parts.each import on_all_cores
from common_utils.tracking.recorder import recorded_run
from planrec.billing import Catalogue, load_catalogue
from planrec.commands.requests import StudyCommand
from planrec.commands.run.published import PublishedRun
from planrec.commands.settings import LoadedSettings, load_run
from planrec.config import SPEC, PlanRecConfig
from planrec.preparation import Step
from planrec.rules import configured_rules
from planrec.simulator.config import ChoiceProcess, SimulatorConfig
from planrec.study.answers import OFFER
from planrec.study.kept import kept_or_measured, study_digest
from planrec.study.measure import ADVICE, PROCESSES, Measured, measure_operator
from planrec.study.pooled import Study
from planrec.study.promises import promises
from planrec.study.recorded import operator_figures, study_metrics
from planrec.study.report import detail_tables, study_document
from planrec.study.safeguards import LeakFigures, defect_study, leak_study
from planrec.training import LIBRARIES

__all__ = ["launched_before", "operator_parameters", "run_study", "seeds_of", "truths_of"]

_COMMAND = "make -C PlanRec study"
_SHIPPED = "configs/simulator.yaml"
_LARGEST_SEED = 2**32 - 1


def run_study(request: StudyCommand) -> None:
    """Measure, show, write.

    Raises
    ------
    ConfigError
        If the seeds or the operator's file cannot be used.
    GateError
        If a promise is not kept; the table is shown and written all the same.
    """
    run = load_run(request.settings)
    published = None if request.published is None else PublishedRun.of(request, request.published, run.project)
    request = request if published is None else published.request
    config, processes = _asked(request, run)
    asked = _written(config, processes, run.project)
    record = recorded_run(
        run.config.tracking, run.project, project=SPEC.name, kind="study", settings=config, libraries=LIBRARIES
    )
    with steps() as step, record as recorded, nullcontext() if published is None else published.written_down(asked):
        study = _measured(request, config, run.project, processes, step)
        lines = promises(study)
        recorded.reached(
            study_metrics(study, lines), headline="promises.no", folds=operator_figures(study, config, run.project)
        )
        if request.output is not None:
            write_text(request.output, study_document(study, _command(request)))
            note(f"written to {request.output}")
        if published is not None:
            published.finish(asked, lines, step)
    if request.as_json:
        operators = {process: [one.figures for one in found] for process, found in study.operators.items()}
        figures = {"promises": [asdict(line) for line in lines], "operators": operators}
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    else:
        show_table("Promises", [line.cells() for line in lines])
        for title, rows in detail_tables(study):
            show_table(title, rows)
    broken = [f"{line.what} ({line.truth})" for line in lines if line.reached == "NO"]
    if broken:
        raise GateError(f"study: {len(broken)} promise(s) not kept: {'; '.join(broken[:5])}. See the table.")


def seeds_of(text: str) -> tuple[int, ...]:
    """Return the seeds that `--seeds` gave.

    Raises
    ------
    ConfigError
        If one is not a whole number from 0 to 2**32 - 1, or stands twice.

    Examples
    --------
    >>> seeds_of("1, 2,30")
    (1, 2, 30)
    """
    parts = [part.strip() for part in text.split(",")]
    wrong = [part for part in parts if not (part.isascii() and part.isdigit() and int(part) <= _LARGEST_SEED)]
    if wrong:
        raise ConfigError(
            f"--seeds: {wrong[0]!r} is not a seed; give whole numbers from 0 on with commas between: 1,2."
        )
    seeds = tuple(map(int, parts))
    if len(set(seeds)) < len(seeds):
        raise ConfigError("--seeds: a seed is given twice; the same operator would count twice. Give each once.")
    return seeds


def truths_of(text: str) -> tuple[str, ...]:
    """Return the truths that `--truths` gave.

    Raises
    ------
    ConfigError
        If one is not known, or stands twice.

    Examples
    --------
    >>> truths_of("logit, habit")
    ('logit', 'habit')
    """
    known: tuple[str, ...] = get_args(ChoiceProcess)
    parts = [part.strip() for part in text.split(",")]
    found = tuple(truth for part in parts for truth in known if truth == part)
    if len(found) < len(parts) or len(set(found)) < len(found):
        raise ConfigError(
            f"--truths: {text!r} does not name different ones of {', '.join(known)}, with commas between."
        )
    return found


def operator_parameters(path: Path) -> SimulatorConfig:
    """Read an operator's parameters: a YAML file with the keys of `configs/simulator.yaml`.

    Raises
    ------
    ConfigError
        If the file cannot be read; if a key is unknown or a value does not fit, each with its line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"operator {path}: cannot be read ({type(error).__name__}); name an existing file with --operator."
        ) from error
    return read_marked(SimulatorConfig, data, f"operator {path}", strict=True)


def _asked(request: StudyCommand, run: LoadedSettings) -> tuple[PlanRecConfig, Sequence[str]]:
    """Return the settings with what the options say, and how subscribers choose: both ways, or as the file says."""
    config, study = run.config, run.config.evaluation.study
    changes: dict[str, object] = {}
    if request.seeds is not None:
        changes["seeds"] = seeds_of(request.seeds)
    if request.subscribers is not None:
        changes["subscribers"] = request.subscribers
    processes: Sequence[str] = PROCESSES
    if request.truths is not None:
        processes = truths_of(request.truths)
    if request.operator is not None:
        simulator = operator_parameters(request.operator)
        config = config.model_copy(update={"simulator": simulator})
        processes = processes if request.truths is not None else (simulator.choice_process,)
    evaluation = config.evaluation.model_copy(update={"study": study.model_copy(update=changes)})
    return config.model_copy(update={"evaluation": evaluation}), processes


def _written(config: PlanRecConfig, processes: Sequence[str], project: Path) -> dict[str, object]:
    """Return what a published run writes down of itself."""
    study = config.evaluation.study
    return {
        "seeds": list(study.seeds),
        "truths": list(processes),
        "subscribers": study.subscribers,
        "digest": study_digest(config, project),
    }


def _command(request: StudyCommand) -> str:
    """Return what to type to get the document again."""
    drawn = request.published is not None
    said = [
        *([f"--published {request.published}"] if drawn else []),
        *([] if request.operator is None else [f"--operator {request.operator.name}"]),
        *([] if request.seeds is None or drawn else [f"--seeds {request.seeds}"]),
        *([] if request.subscribers is None else [f"--subscribers {request.subscribers}"]),
        *([] if request.truths is None else [f"--truths {request.truths}"]),
        *(f"--set {override}" for override in request.settings.overrides),
    ]
    return f"planrec study {' '.join(said)}" if said else _COMMAND


def _measured(
    request: StudyCommand, config: PlanRecConfig, project: Path, processes: Sequence[str], step: Step
) -> Study:
    source, settings = config.data.simulator, config.evaluation.study
    catalogue = load_catalogue(resolve_path(project, source.plans))
    rules = configured_rules(config.rules, project, catalogue)
    digest = study_digest(config, project)

    asked = [(process, seed) for process in processes for seed in settings.seeds]

    def measured(operator: tuple[str, int]) -> Measured:
        process, seed = operator
        return kept_or_measured(
            request.keep,
            digest,
            process,
            seed,
            lambda: measure_operator(config, catalogue, project, process=process, seed=seed, step=_untold),
        )

    answers = on_all_cores(measured, asked)
    operators: dict[str, list[Measured]] = {process: [] for process in processes}
    for number, (process, seed) in enumerate(asked, start=1):
        step(f"operator {number} of {len(asked)}: {process}, seed {seed}")
        operators[process].append(next(answers))
    shipped = request.operator is None  # readers and audits are tried on the shipped operator alone
    of_size = config.simulator.model_copy(update={"subscribers": settings.subscribers})
    tried = config.model_copy(update={"simulator": of_size})
    return Study(
        operators=operators,
        seeds=settings.seeds,
        leaks=_leaks(tried, project, settings.clean_seeds, step) if shipped else None,
        defects=defect_study(tried, project, settings.seeds[:2], step) if shipped else None,
        currency=catalogue.currency,
        titles={policy.key: policy.title(config, rules) for policy in (*ADVICE, OFFER)},
        operator=f"`{_SHIPPED if request.operator is None else request.operator.name}`",
        subscribers=settings.subscribers,
        earlier_launch=launched_before(config, catalogue),
    )


def _untold(text: str) -> None:
    """Say nothing: operators are measured in processes of their own."""
    del text


def launched_before(config: PlanRecConfig, catalogue: Catalogue) -> bool:
    """Return whether a plan's sale begins within the months learnt from."""
    first, end = config.simulator.first_month, config.evaluation.study.first_test_month
    return any(first < plan.on_sale.first < end for plan in catalogue.plans if plan.on_sale.first)


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
