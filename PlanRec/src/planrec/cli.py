"""The command line: arguments in, exit code out. Heavy libraries load inside the commands, so that help is quick."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common_utils.command_line.decisions import add_outcomes, decisions_app
from common_utils.command_line.release import release_app
from common_utils.command_line.run import run_command_line
from common_utils.errors import ConfigError
from planrec.commands.options import (
    AnswerMode,
    BundleOption,
    ConfigOption,
    DataOption,
    MonthOption,
    NoticeChoice,
    OfferPolicyName,
    OutputOption,
    SetOption,
    Source,
    SourceOption,
    UsageOption,
)
from planrec.commands.what_if_options import add_what_if

if TYPE_CHECKING:
    from common_utils.bundle.signing import Trust
    from common_utils.decision_log.config import DecisionsConfig
    from common_utils.decision_log.recorder import Recorder
    from planrec.config import AdviceConfig, PlanRecConfig

__all__ = ["app", "main"]

app = typer.Typer(
    name="planrec",
    help="Which mobile plan should this subscriber be on, what would they pay, and should they stay?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading Rich would double the time it takes
)


@app.command()
def simulate(
    output: Annotated[Path | None, typer.Option("--output", help="Folder to write; else data/simulated.")] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write the tables of the simulated operator: usage months, subscribers, events, and the truth apart."""
    from planrec.commands.learn import run_simulate

    settings, project = _settings(config, overrides)
    run_simulate(settings, project, output)


@app.command()
def data(
    config: ConfigOption = None, overrides: SetOption = None, data_source: SourceOption = None, data: DataOption = None
) -> None:
    """Check a table and summarise it: every row accounted for."""
    from planrec.commands.learn import run_data

    settings, project = _settings(config, overrides, data_source, data)
    run_data(settings, project)


@app.command()
def bill(
    usage: UsageOption,
    plans: Annotated[Path, typer.Option("--plans", help="Rate card, YAML.")],
    output: OutputOption,
) -> None:
    """Rate usage months on every plan of a rate card, with line items, in whole cents."""
    from planrec.commands.answer import run_bill

    run_bill(usage, plans, output)


@app.command()
def recommend(
    usage: UsageOption,
    as_of: MonthOption,
    output: OutputOption,
    plans: Annotated[
        Path | None, typer.Option("--plans", help="Rate card, YAML; advice needs one, an offer takes the bundle's.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="Plans for each subscriber.")] = 3,
    mode: Annotated[
        AnswerMode,
        typer.Option("--mode", help="advice: lowest risk-adjusted bill; offer: P(accept) x saving, from a bundle."),
    ] = AnswerMode.advice,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="Rule file, YAML; else the configured one, else the built-in rules.")
    ] = None,
    min_gain_cents: Annotated[
        int | None,
        typer.Option(
            "--min-gain-cents", min=0, help="Below this gain a month the answer is stay; overrides the rules."
        ),
    ] = None,
    history_months: Annotated[
        int | None, typer.Option("--history-months", min=1, max=120, help="Months looked back over.")
    ] = None,
    risk_weight: Annotated[
        float | None, typer.Option("--risk-weight", min=0, max=1000, help="Standard deviations added to the mean bill.")
    ] = None,
    excluded_output: Annotated[
        Path | None, typer.Option("--excluded-output", help="Also write which plans were not offered, and why.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Add a sentence to each answer; slower.")] = False,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Rank the plans of each subscriber by what their own months would have cost, or choose an offer; or say stay."""
    from planrec.commands.answer import run_offer, run_recommend

    if mode is AnswerMode.offer:
        if plans is not None or history_months is not None or risk_weight is not None:
            raise ConfigError(
                "recommend --mode offer: rate card, history and risk weight are those of bundle and settings; leave "
                "out --plans, --history-months and --risk-weight."
            )
        settings, project = _settings(config, overrides)
        run_offer(
            settings,
            project,
            usage,
            as_of,
            output,
            bundle_path=bundle,
            rules=rules,
            min_gain_cents=min_gain_cents,
            top=top,
            excluded_output=excluded_output,
            explain=explain,
        )
        return
    if plans is None or bundle is not None:
        raise ConfigError("recommend --mode advice: give a rate card with --plans, and no --bundle.")
    given = {"history_months": history_months, "risk_weight": risk_weight}
    advice, configured = _advice_settings(config, overrides)
    run_recommend(
        usage,
        plans,
        as_of,
        output,
        advice=advice.model_copy(update={k: v for k, v in given.items() if v is not None}),
        rules=rules or configured,
        min_gain_cents=min_gain_cents,
        top=top,
        excluded_output=excluded_output,
        explain=explain,
        recorder=_recorder(config, overrides),
    )


@app.command()
def rules(
    check: Annotated[
        Path | None, typer.Option("--check", help="Rule file, YAML; else the configured one, else the built-in rules.")
    ] = None,
    plans: Annotated[Path | None, typer.Option("--plans", help="Rate card whose plans the rules may name.")] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Check a rule file and show it as a table; a mistake is told with its line."""
    from planrec.commands.rules import run_rules

    run_rules(check or _advice_settings(config, overrides)[1], plans)


@app.command()
def notices(
    plans: Annotated[Path, typer.Option("--plans", help="Rate card, YAML.")],
    usage: Annotated[Path | None, typer.Option("--usage", help="Usage months, CSV or Parquet.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Day of the run; months before it."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="File to write, JSON Lines.")] = None,
    kind: Annotated[NoticeChoice, typer.Option("--kind", help="Which notices to write.")] = NoticeChoice.both,
    sent: Annotated[
        list[Path] | None, typer.Option("--sent", help="Notices written before: nobody gets one too many; repeatable.")
    ] = None,
    history_months: Annotated[
        int | None, typer.Option("--history-months", min=1, max=120, help="Months looked back over.")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option("--verify", help="Only work the notices of this file out again and compare.")
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write the best-tariff notices that are due: yearly, and 10 to 40 days before the end of a contract."""
    from planrec.commands.notices import run_notices, run_verify

    if verify is not None:
        if usage or as_of or output or sent:
            raise ConfigError("notices: --verify reads one file and writes none; give only --plans with it.")
        run_verify(verify, plans)
        return
    if usage is None or as_of is None or output is None:
        raise ConfigError("notices: give --usage, --as-of and --output, or --verify with a file of notices.")
    run_notices(
        usage,
        plans,
        as_of.date(),
        output,
        history_months=history_months or _advice_settings(config, overrides)[0].history_months,
        kinds=("end-of-contract", "yearly") if kind is NoticeChoice.both else (kind.value,),
        sent=sent or (),
    )


@app.command()
def train(
    config: ConfigOption = None,
    overrides: SetOption = None,
    data_source: SourceOption = None,
    data: DataOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Root of the bundles; else the configured artifacts.")
    ] = None,
) -> None:
    """Train, compare with every baseline, write a verified bundle and make it current."""
    from planrec.commands.learn import run_train

    settings, project = _settings(config, overrides, data_source, data)
    run_train(settings, project, output)


@app.command()
def evaluate(
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON and nothing else.")] = False,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    data_source: SourceOption = None,
    data: DataOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Also write the Megaline back-test as Markdown.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option("--plots", help="Folder to write figures to: reliability, gain, regret, frontier.")
    ] = None,
) -> None:
    """Measure a bundle again; with --data-source megaline, back-test re-rating on the Megaline events.

    A bundle is measured with the settings and the source it was trained with; --data names another copy of the data.
    """
    from planrec.commands.learn import run_backtest, run_evaluate

    settings, project = _settings(config, overrides, data_source, data)
    if data_source is Source.megaline:
        if plots is not None:
            raise ConfigError("evaluate: --plots draws a bundle's figures; leave it out with --data-source megaline.")
        run_backtest(settings, project, as_json=as_json, output=output)
    else:
        source = data_source and data_source.value
        run_evaluate(settings, project, bundle, as_json=as_json, source=source, plots=plots)


@app.command()
def study(
    output: Annotated[Path | None, typer.Option("--output", help="Also write the tables as Markdown.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")] = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Measure every promise on simulated operators whose truth is known; 5 if one is not kept. Takes minutes."""
    from planrec.commands.study import run_study

    settings, project = _settings(config, overrides)
    run_study(settings, project, output=output, as_json=as_json)


@app.command()
def predict(
    usage: UsageOption,
    as_of: MonthOption,
    output: OutputOption,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write the plan each subscriber is expected to choose, with P(take) of every plan."""
    from planrec.commands.answer import run_predict

    settings, project = _settings(config, overrides)
    run_predict(settings, project, usage, as_of, output, bundle)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="Overrides serving.host.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Overrides serving.port; 0 takes a free one.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, max=64, help="Overrides serving.workers.")] = None,
    bundle: BundleOption = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", help="Rule file to follow instead of the bundle's; overrides serving.rules."),
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Serve a bundle over HTTP; /docs shows how to ask."""
    from planrec.commands.serve import run_serve

    settings, project = _settings(config, overrides)
    serving = settings.serving
    run_serve(
        settings,
        project,
        bundle,
        settings_file=config,
        rules=rules,
        host=host or serving.host,
        port=serving.port if port is None else port,
        workers=workers or serving.workers,
    )


@app.command()
def card(
    bundle: BundleOption = None,
    output: Annotated[Path | None, typer.Option("--output", help="Folder to write; else docs.")] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write model card, data card and figures of a bundle, and the README's results."""
    from planrec.commands.learn import run_card

    settings, project = _settings(config, overrides)
    run_card(settings, project, bundle, output)


def _releases(config: Path | None, overrides: list[str] | None) -> tuple[Path, Trust]:
    from common_utils.config import resolve_path
    from common_utils.releases.config import load_trust

    settings, project = _settings(config, overrides)
    return resolve_path(project, settings.training.artifacts), load_trust(settings.releases, project)


app.add_typer(release_app(_releases), name="release")


def _decisions(config: Path | None, overrides: list[str] | None) -> tuple[DecisionsConfig, str, Path]:
    settings, project = _settings(config, overrides)
    return settings.decisions, "planrec", project


_decisions_app = decisions_app(_decisions)


@_decisions_app.command("off-policy")
def off_policy(
    input_: Annotated[Path, typer.Option("--input", help="Export of offers with outcomes: .parquet, .csv or .json.")],
    policy: Annotated[OfferPolicyName, typer.Option("--policy", help="Policy to judge.")] = OfferPolicyName.best,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Say what another offer policy would have brought, by IPS, SNIPS and DR; refuse one without support."""
    from planrec.commands.off_policy import run_off_policy

    run_off_policy(input_, policy.value, _settings(config, overrides)[0].offer.exploration)


app.add_typer(_decisions_app, name="decisions")
add_outcomes(app, _decisions)


def _settings(
    config: Path | None, overrides: list[str] | None, source: Source | None = None, data: Path | None = None
) -> tuple[PlanRecConfig, Path]:
    from planrec.config import SPEC, load_planrec_config

    given = list(overrides or [])
    if source is not None:
        given.append(f"data.source={source.value}")
    if data is not None:
        given.append(f"data.folder={data.resolve()}")
    project = SPEC.folder(config)
    return load_planrec_config(project, explicit=config, overrides=given), project


def _advice_settings(config: Path | None, overrides: list[str] | None) -> tuple[AdviceConfig, Path | None]:
    """Return the configured weights and rule file; defaults where nothing asks for settings and no file lies here."""
    from common_utils.config import resolve_path
    from planrec.config import AdviceConfig

    if not _has_settings(config, overrides):
        return AdviceConfig(), None
    settings, project = _settings(config, overrides)
    return settings.advice, settings.rules and resolve_path(project, settings.rules)


def _has_settings(config: Path | None, overrides: list[str] | None) -> bool:
    from common_utils.config.project import DEFAULT_CONFIG
    from planrec.config import SPEC

    from_environment = any(name.upper().startswith((SPEC.config_variable, f"{SPEC.prefix}__")) for name in os.environ)
    return config is not None or bool(overrides) or from_environment or DEFAULT_CONFIG.exists()


def _recorder(config: Path | None, overrides: list[str] | None) -> Recorder | None:
    """Return the configured decision log; none outside a project, where no settings say where it lies."""
    from common_utils.decision_log.recorder import open_recorder

    if not _has_settings(config, overrides):
        return None
    settings, project = _settings(config, overrides)
    return open_recorder(settings.decisions, "planrec", project)


add_what_if(app, _settings)


def main() -> None:
    """Run the command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate."""
    run_command_line(app, "planrec")


if __name__ == "__main__":
    main()
