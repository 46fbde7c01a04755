"""Every setting of features, advice, offer, rules, data, training and evaluation changes an answer or a refusal.

The settings are walked by their models: one without an entry here fails, and so does an entry whose setting is gone. A
probe returns what a user would see; a setting is tried by comparing it under the default and under another value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from common_utils.bundle import Bundle
from common_utils.errors import PortfolioError
from planrec.advice import AnswerPolicy, Subscribers
from planrec.billing import load_catalogue
from planrec.bundle import PlanRecBundle, SaidSettings, decision_matrix, open_configured
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.selection import select_choice_model
from planrec.commands.requests import SettingsCommand, StudyCommand
from planrec.commands.run import study as study_command
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.data import load_usage
from planrec.decisions import columns_of, latest_rows, plan_indices, recent_rows
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.evaluation import Models, choice_figures, evaluate
from planrec.outlook import history_of
from planrec.preparation import Prepared, prepare
from planrec.rules import Rules, configured_rules
from planrec.rules.facts import facts_of
from planrec.rules.rulebook import PlanRule
from planrec.simulator.operator import simulate
from planrec.study import bundles as study_bundles
from planrec.study import measure as study_measure
from planrec.training import build_pipeline, fit, out_of_fold, train

SECTIONS = ("features", "advice", "offer", "data", "training", "evaluation")
TINY = ("simulator.subscribers=200", "simulator.months=8", "evaluation.resamples=50")
AS_OF = 24_309
PEOPLE = 120

CANNOT = {
    "rules.plans.why": "the reason of a rule, for whoever reads the file later",
}
"""Settings that change nothing anybody is told, and why they stay."""


def leaves(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the dotted names of all settings under a model."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if inner:
            yield from leaves(inner[0], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def settings_there_are() -> set[str]:
    found = {"rules", *leaves(Rules, "rules.")}
    for section in SECTIONS:
        found |= set(leaves(PlanRecConfig.model_fields[section].annotation, f"{section}."))  # type: ignore[arg-type]
    return found


@dataclasses.dataclass
class Lab:
    """What probes work with; costly things are made once."""

    project: Path
    folder: Path
    bundle: Bundle
    months: pd.DataFrame
    patch: pytest.MonkeyPatch
    made: dict[str, Any]

    def config(self, *overrides: str) -> PlanRecConfig:
        return load_planrec_config(self.project, overrides=[*TINY, *overrides], environ={})

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def prepared(self) -> Prepared:
        config = self.config(*source("table", self))
        return self.once("prepared", lambda: prepare(config, self.project, lambda _: None))


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return {}


@pytest.fixture(scope="module")
def months(settings: PlanRecConfig, catalogue: Any) -> pd.DataFrame:
    """A small operator's months, with what offers ask about."""
    operator = simulate(
        settings.simulator.model_copy(update={"subscribers": 300}), catalogue, np.random.default_rng(5)
    ).months
    rng = np.random.default_rng(6)
    people = operator["subscriber_id"].factorize()[0]
    count = int(people.max()) + 1
    return operator.assign(
        consent=(rng.random(count) < 0.7)[people],
        contacts_90d=rng.integers(0, 4, count)[people],
        holdout=(rng.random(count) < 0.2)[people],
    )


@pytest.fixture
def lab(
    project_folder: Path,
    tmp_path: Path,
    bundle: Bundle,
    months: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    made: dict[str, Any],
) -> Lab:
    return Lab(project_folder, tmp_path, bundle, months, monkeypatch, made)


# --- what a bundle with these settings answers


def people_of(config: PlanRecConfig, opened: PlanRecBundle, months: pd.DataFrame, history: int) -> Subscribers:
    last = recent_rows(
        latest_rows(months, as_of=AS_OF, history_months=history),
        as_of=AS_OF,
        recent_months=config.features.recent_months,
    ).head(PEOPLE)
    columns = columns_of(last)
    current = plan_indices(columns["current_plan"], opened.catalogue)
    return Subscribers.of(
        history_of(columns, history),
        facts_of(columns, current, as_of=AS_OF),
        tenure_months=columns["tenure_months"].astype(np.float64),
    )


def answers(lab: Lab, config: PlanRecConfig, rules: Rules | None = None) -> list[str]:
    """What the small bundle would answer with these settings: advice both ways, offers, choices."""
    opened = PlanRecBundle(lab.bundle, config)
    followed = opened.rules if rules is None else rules
    told: list[str] = [followed.version]
    for mode, forecast in (("advice", True), ("advice", False), ("offer", True)):
        policy = AnswerPolicy.of(config, followed, mode, forecast=forecast)  # type: ignore[arg-type]
        engine = opened.engine(followed)
        engine = engine if forecast else dataclasses.replace(engine, forecast=None)
        answer = engine.answer(people_of(config, opened, lab.months, policy.history_months), policy)
        told += [repr(answer.advice.order.tolist()), repr(answer.advice.stay_reason.tolist()), repr(policy)]
        told.append("" if answer.offer is None else repr(np.round(answer.offer.value_cents, 3).tolist()))
    rows = latest_rows(lab.months, as_of=AS_OF, history_months=config.features.history_months)
    columns = columns_of(recent_rows(rows, as_of=AS_OF, recent_months=config.features.recent_months).head(PEOPLE))
    current = plan_indices(columns["current_plan"], opened.catalogue)
    expected = opened.next_choice(followed).expected(columns, facts_of(columns, current, as_of=AS_OF))
    return [*told, repr(expected.p_take.tolist())]


def answered(setting: str, value: str) -> Callable[[Lab], tuple[object, object]]:
    """A setting that a bundle answers by."""
    return lambda lab: (
        lab.once("answers", lambda: answers(lab, lab.config())),
        answers(lab, lab.config(f"{setting}={value}")),
    )


def ruled(section: str, **changes: object) -> Callable[[Lab], tuple[object, object]]:
    """A key of the rule file; the version stays, so that it is the answers that differ."""

    def tried(lab: Lab) -> tuple[object, object]:
        rules = PlanRecBundle.open(lab.bundle.path).rules
        part = getattr(rules, section).model_copy(update=changes)
        other = rules.model_copy(update={section: part})
        return lab.once("answers", lambda: answers(lab, lab.config())), answers(lab, lab.config(), other)

    return tried


def plan_rules(one: PlanRule, other: PlanRule) -> Callable[[Lab], tuple[object, object]]:
    def tried(lab: Lab) -> tuple[object, object]:
        rules = PlanRecBundle.open(lab.bundle.path).rules
        return tuple(  # type: ignore[return-value]
            answers(lab, lab.config(), rules.model_copy(update={"plans": (rule,)})) for rule in (one, other)
        )

    return tried


# --- what is read, and what would be learnt from it


def source(name: str, lab: Lab) -> tuple[str, ...]:
    """The settings of a source with a small table of its own."""
    if name == "simulator":
        return ("data.source=simulator",)
    place = lab.folder / name
    if not place.exists():
        place.mkdir()
        if name == "table":
            lab.months.drop(columns=["consent", "contacts_90d", "holdout"]).to_csv(place / "months.csv", index=False)
        else:
            write_megaline(lab.months, place)
    return (f"data.source={name}", f"data.folder={place / 'months.csv' if name == 'table' else place}")


def write_megaline(months: pd.DataFrame, folder: Path) -> None:
    """A few customers on either plan, with a month that has no events, and events after a churn date."""
    ids = months["subscriber_id"].unique()[:60]
    used = months[months["subscriber_id"].isin(ids)].reset_index(drop=True)
    who = used["subscriber_id"].factorize()[0]
    used = used.assign(user_id=1000 + who, when=used["month"].str.replace("2025", "2018") + "-10")
    used = used[used["when"].str.startswith("2018")]
    quiet = (used["user_id"] % 3 == 0) & (used["when"] == "2018-06-10")
    used = used[~quiet]
    events = np.arange(len(used)).astype(str)
    people = np.unique(used["user_id"])
    users = pd.DataFrame(
        {
            "user_id": people,
            "first_name": "A",
            "last_name": "B",
            "age": 30,
            "city": "C",
            "reg_date": "2018-01-01",
            "plan": np.random.default_rng(2).choice(["surf", "ultimate"], len(people)),  # no id tells it
            "churn_date": np.where(people % 5 == 0, "2018-08-01", ""),
        }
    )
    person, day = used["user_id"].to_numpy(), used["when"].to_numpy()

    def table(letter: str, date: str, **further: object) -> pd.DataFrame:
        return pd.DataFrame({"id": [f"{letter}{n}" for n in events], "user_id": person, date: day, **further})

    tables = {
        "users": users,
        "calls": table("c", "call_date", duration=used["minutes"].to_numpy()),
        "messages": table("m", "message_date"),
        "internet": table("i", "session_date", mb_used=used["megabytes"].to_numpy()),
    }
    for name, rows in tables.items():
        rows.to_csv(folder / f"megaline_{name}.csv", index=False)


def learnt(lab: Lab, *overrides: str) -> object:
    """What a training run would see: rows, columns, rate card and features; or why it refuses."""
    try:
        config = lab.config(*overrides)
        ready = prepare(config, lab.project, lambda _: None)
        rows = with_every_column(config, ready.decisions.head(40))
        features = decision_matrix(config, ready.catalogue)(columns_of(rows))
    except PortfolioError as error:
        return str(error)
    return [
        *(sorted(ready.decisions.columns), len(ready.train), len(ready.test), ready.catalogue.version),
        *(features.shape, features.tobytes()),
    ]


def with_every_column(config: PlanRecConfig, rows: pd.DataFrame) -> pd.DataFrame:
    lacking = [name for name in ("current_plan", *config.data.chosen().extra_columns) if name not in rows]
    return rows.assign(**dict.fromkeys(lacking))


def of_source(name: str, setting: str, value: str) -> Callable[[Lab], tuple[object, object]]:
    def tried(lab: Lab) -> tuple[object, object]:
        own = source(name, lab)
        return (
            lab.once(f"learnt {name}", lambda: learnt(lab, *own)),
            learnt(lab, *own, f"data.{name}.{setting}={value}"),
        )

    return tried


def other_card(name: str, card: str) -> Callable[[Lab], tuple[object, object]]:
    def tried(lab: Lab) -> tuple[object, object]:
        path = lab.folder / "card.yaml"
        text = (lab.project / "configs" / card).read_text(encoding="utf-8")
        path.write_text(text.replace("version: ", "version: other-", 1), encoding="utf-8")
        return of_source(name, "plans", str(path))(lab)

    return tried


def read(lab: Lab, *overrides: str) -> object:
    """The usage months of the settings, or why they are refused."""
    config = lab.config(*overrides)
    try:
        card = load_catalogue(lab.project / config.data.chosen().plans)
        return load_usage(config, card, lab.project, environ={}).months.to_csv(index=False)
    except PortfolioError as error:
        return str(error)


def reads(name: str, *changes: str, table: str = "") -> Callable[[Lab], tuple[object, object]]:
    """Read a source, with a table of its own where one is given."""

    def tried(lab: Lab) -> tuple[object, object]:
        own = source(name, lab) if not table else ("data.source=table", f"data.folder={lab.folder / 'own.csv'}")
        if table:
            (lab.folder / "own.csv").write_text(table, encoding="utf-8")
        return read(lab, *own), read(lab, *own, *changes)

    return tried


HEAD = "subscriber_id,month,minutes,messages,megabytes,current_plan\n"
ROW = "a,2025-0{n},10,1,{mb},basic-6\n"
GOOD = "".join(ROW.format(n=n, mb=500) for n in range(1, 7))
DOUBTFUL = HEAD + "a,2025-01,7.500,1,1.250,basic-6\na,2025-02,2.125,1,3.375,basic-6\n"
GIGABYTES = HEAD + "".join(f"s{n},2025-0{m},10,1,0.5,basic-6\n" for n in range(30) for m in range(1, 6))
REJECTED = HEAD + GOOD + "b,2025-01,-5,1,1,basic-6\n"


def zoned(lab: Lab) -> tuple[object, object]:
    """A call at night is of another month in another zone."""
    place = lab.folder / "events"
    place.mkdir()
    (place / "calls.csv").write_text(
        "id,subscriber_id,date,minutes\n1,a,2025-02-01T00:30:00+01:00,5\n2,a,2025-03-10T12:00:00+01:00,5\n",
        encoding="utf-8",
    )
    own = ("data.source=table", "data.table.kind=events", f"data.folder={place}")
    return read(lab, *own, "data.table.timezone=Europe/Madrid"), read(lab, *own, "data.table.timezone=UTC")


# --- what is fitted, split and judged


def sample(lab: Lab) -> pd.DataFrame:
    return lab.prepared().train.head(300)


def fitted(setting: str, value: str) -> Callable[[Lab], tuple[object, object]]:
    def probabilities(lab: Lab, *overrides: str) -> object:
        config = lab.config(*source("table", lab), "training.model.max_iter=3", *overrides)
        rows = sample(lab)
        return fit(build_pipeline(config, lab.prepared().catalogue), rows).predict_proba(rows).tobytes()

    return lambda lab: (probabilities(lab), probabilities(lab, f"training.model.{setting}={value}"))


def challenged(setting: str, value: str) -> Callable[[Lab], tuple[object, object]]:
    def probabilities(lab: Lab, *overrides: str) -> object:
        config = lab.config("training.challenger.max_iter=3", *overrides)
        rows = sample(lab)
        model = MonotoneBoosting(lab.prepared().catalogue, config.training.challenger, 6)
        return model.fit(rows, rows[CHOSEN_PLAN].to_numpy(dtype=object)).predict_proba(rows).tobytes()

    return lambda lab: (probabilities(lab), probabilities(lab, f"training.challenger.{setting}={value}"))


def steps_of(run: Callable[[PlanRecConfig, Callable[[str], None]], object], setting: str, value: str) -> Any:
    """Count the folds by what is told."""

    def told(lab: Lab, *overrides: str) -> list[str]:
        said: list[str] = []
        small = ("training.model.max_iter=1", "training.challenger.max_iter=1", "training.split.folds=2")
        run_on = lab.config(*source("table", lab), *small, "training.challenger.folds=2", *overrides)
        run(run_on, said.append, lab)  # type: ignore[call-arg]
        return said

    return lambda lab: (told(lab), told(lab, f"{setting}={value}"))


def split(setting: str, value: str) -> Callable[[Lab], tuple[object, object]]:
    def tried(lab: Lab) -> tuple[object, object]:
        own = source("table", lab)
        return (
            lab.once("learnt table", lambda: learnt(lab, *own)),
            learnt(lab, *own, f"training.split.{setting}={value}"),
        )

    return tried


def elsewhere(lab: Lab) -> tuple[object, object]:
    """Where bundles lie."""

    def opened(*overrides: str) -> str:
        config = lab.config(*overrides)
        try:
            return open_configured(SaidSettings.of(config, environ={}), lab.project).version
        except PortfolioError as error:
            return str(error)

    return opened(f"training.artifacts={lab.folder}"), opened(f"training.artifacts={lab.bundle.path.parent}")


def fewer_rows(lab: Lab) -> tuple[object, object]:
    half = dataclasses.replace(lab.prepared().data, months=lab.prepared().data.months.iloc[:20])
    lab.patch.setattr("planrec.training.prepare", lambda *_: dataclasses.replace(lab.prepared(), data=half))

    def begun(*_: object) -> None:
        raise KeyboardInterrupt

    lab.patch.setattr("planrec.training.out_of_fold", begun)

    def tried(*overrides: str) -> str:
        config = lab.config(*overrides)
        try:
            train(config, lab.project, artifacts=lab.bundle.path.parent, step=lambda _: None)
        except PortfolioError as error:
            return str(error)
        except KeyboardInterrupt:
            return "began"
        return "ended"

    return tried(), tried("training.accept_fewer_rows=true")


def judged(setting: str, value: str) -> Callable[[Lab], tuple[object, object]]:
    def figures(lab: Lab, *overrides: str) -> str:
        config = lab.config(*source("table", lab), *overrides)
        if setting == "resamples":
            rows = sample(lab)
            classes = np.unique(rows[CHOSEN_PLAN].to_numpy(dtype=object))
            even = np.full((len(rows), len(classes)), 1 / len(classes))
            even[:, 0] += np.linspace(0, 0.1, len(rows))
            return repr(choice_figures(rows, classes, even / even.sum(axis=1, keepdims=True), config))
        models = Models.open(PlanRecBundle.open(lab.bundle.path))
        return repr(evaluate(config, lab.prepared(), models)["minimum_gain"])

    return lambda lab: (figures(lab), figures(lab, f"evaluation.{setting}={value}"))


def studied(setting: str, value: str) -> Callable[[Lab], tuple[object, object]]:
    """What the study is asked to measure; the measuring itself takes minutes."""
    asked_for = StudyCommand(SettingsCommand.of(None, None), None, False, None, None, None, None)

    def asked(lab: Lab, *overrides: str) -> object:
        config, seen = lab.config(*overrides), []
        if setting == "first_test_month":
            card = load_catalogue(lab.project / "configs" / "plans.yaml")
            longer = config.simulator.model_copy(update={"subscribers": 200, "months": 12})
            operator = simulate(longer, card, np.random.default_rng(1))
            return study_bundles._training_settings(config, operator, lab.project).training.split.test_months
        if setting == "offer_runs":
            lab.patch.setattr(study_measure, "off_policy_study", lambda _, runs, seed: seen.append((runs, seed)))
            with pytest.raises(AttributeError):
                study_measure._off_policy_figures(None, config, 1)  # type: ignore[arg-type]
            return seen
        lab.patch.setattr(
            study_command, "kept_or_measured", lambda _keep, _digest, _process, seed, _: seen.append(seed)
        )
        lab.patch.setattr(study_command, "defect_study", lambda *part: seen.append(part[2]))
        lab.patch.setattr(study_command, "_leaks", lambda *part: seen.append((part[0].simulator.subscribers, part[2])))
        study_command._measured(asked_for, config, lab.project, ("logit",), lambda _: None)
        return seen

    return lambda lab: (asked(lab), asked(lab, f"evaluation.study.{setting}={value}"))


def other_rules(lab: Lab) -> tuple[object, object]:
    ours = lab.folder / "ours.yaml"
    ours.write_text("version: ours\n", encoding="utf-8")
    card = load_catalogue(lab.project / "configs" / "plans.yaml")
    found = [configured_rules(lab.config(*said).rules, lab.project, card).version for said in ((), (f"rules={ours}",))]
    return found[0], found[1]


def of_every_source(name: str, card: str) -> dict[str, Callable[[Lab], tuple[object, object]]]:
    return {
        f"data.{name}.plans": other_card(name, card),
        f"data.{name}.drop_columns": of_source(name, "drop_columns", "[subscriber_id, month, partial, tenure_months]"),
        f"data.{name}.with_current_plan": of_source(name, "with_current_plan", str(name == "megaline").lower()),
        f"data.{name}.extra_columns": of_source(name, "extra_columns", "[contacts]"),
        f"data.{name}.usage_statistics": of_source(name, "usage_statistics", str(name == "simulator").lower()),
        f"data.{name}.horizon_months": of_source(name, "horizon_months", "2"),
    }


TRIED: dict[str, Callable[[Lab], tuple[object, object]]] = {
    "features.history_months": answered("features.history_months", "1"),
    "features.recent_months": answered("features.recent_months", "12"),
    "advice.history_months": answered("advice.history_months", "1"),
    "advice.risk_weight": answered("advice.risk_weight", "4"),
    "advice.forecast_risk_weight": answered("advice.forecast_risk_weight", "4"),
    "offer.margin_weight": answered("offer.margin_weight", "2"),
    "offer.churn_weight_cents": answered("offer.churn_weight_cents", "900000"),
    "offer.perk_cost_cents": answered("offer.perk_cost_cents", "5000"),
    "rules": other_rules,
    "rules.version": other_rules,
    "rules.minimum_gain.advice_cents": ruled("minimum_gain", advice_cents=900),
    "rules.minimum_gain.offer_cents": ruled("minimum_gain", offer_cents=0),
    "rules.minimum_gain.advice_certainty": ruled("minimum_gain", advice_certainty=0.0),
    "rules.contract.while_bound": ruled("contract", while_bound="allow_dearer"),
    "rules.offers.consent_required": ruled("offers", consent_required=False),
    "rules.offers.max_contacts_90d": ruled("offers", max_contacts_90d=None),
    "rules.offers.respect_holdout": ruled("offers", respect_holdout=False),
    "rules.offers.usage_required": ruled("offers", usage_required=False),
    "rules.offers.churn_errors": ruled("offers", churn_errors=10.0),
    "rules.offers.min_churn_fall": ruled("offers", min_churn_fall=0.9),
    "rules.plans.plans": plan_rules(PlanRule(plans=("basic-6",), why="x"), PlanRule(plans=("smart-12",), why="x")),
    "rules.plans.modes": plan_rules(
        PlanRule(plans=("basic-6",), why="x"), PlanRule(plans=("basic-6",), modes=("offer",), why="x")
    ),
    "rules.plans.holders_of": plan_rules(
        PlanRule(plans=("basic-6",), why="x"), PlanRule(plans=("basic-6",), holders_of=("unlimited",), why="x")
    ),
    "data.source": reads("simulator", "data.source=megaline"),
    "data.folder": lambda lab: (read(lab, "data.source=table"), read(lab, *source("table", lab))),
    **of_every_source("simulator", "plans.yaml"),
    **of_every_source("table", "plans.yaml"),
    **of_every_source("megaline", "plans_megaline.yaml"),
    "data.megaline.churn_cut": reads("megaline", "data.megaline.churn_cut=none"),
    "data.megaline.empty_months": reads("megaline", "data.megaline.empty_months=drop"),
    "data.table.columns": reads(
        "table", "data.table.columns={calls: minutes}", table=HEAD.replace("minutes", "calls") + GOOD
    ),
    "data.table.decimal": reads("table", "data.table.decimal=comma", table=DOUBTFUL),
    "data.table.timezone": zoned,
    "data.table.accept_units": reads("table", "data.table.accept_units=true", table=GIGABYTES),
    "data.table.max_rejected_share": reads("table", "data.table.max_rejected_share=0.5", table=REJECTED),
    "data.table.kind": reads("table", "data.table.kind=events"),
    "data.table.until": reads("table", "data.table.until=2025-06"),
    "training.seed": lambda lab: (read(lab), read(lab, "training.seed=7")),
    "training.artifacts": elsewhere,
    "training.accept_fewer_rows": fewer_rows,
    "training.model.max_iter": fitted("max_iter", "2"),
    "training.model.learning_rate": fitted("learning_rate", "0.5"),
    "training.model.max_leaf_nodes": fitted("max_leaf_nodes", "2"),
    "training.model.min_samples_leaf": fitted("min_samples_leaf", "5"),
    "training.model.l2_regularization": fitted("l2_regularization", "500"),
    "training.challenger.max_iter": challenged("max_iter", "2"),
    "training.challenger.learning_rate": challenged("learning_rate", "0.5"),
    "training.challenger.max_leaf_nodes": challenged("max_leaf_nodes", "2"),
    "training.challenger.min_samples_leaf": challenged("min_samples_leaf", "5"),
    "training.challenger.l2_regularization": challenged("l2_regularization", "500"),
    "training.challenger.folds": steps_of(
        lambda config, step, lab: select_choice_model(config, lab.prepared().catalogue, lab.prepared().train, step),  # type: ignore[misc]
        "training.challenger.folds",
        "3",
    ),
    "training.split.folds": steps_of(
        lambda config, step, lab: out_of_fold(config, lab.prepared().catalogue, sample(lab), step),  # type: ignore[misc]
        "training.split.folds",
        "3",
    ),
    "training.split.test_share": split("test_share", "0.5"),
    "training.split.test_months": split("test_months", "1"),
    "evaluation.resamples": judged("resamples", "60"),
    "evaluation.gain_steps_cents": judged("gain_steps_cents", "[0, 250]"),
    "evaluation.study.seeds": studied("seeds", "[1, 2]"),
    "evaluation.study.first_test_month": studied("first_test_month", "2025-06"),
    "evaluation.study.offer_runs": studied("offer_runs", "20"),
    "evaluation.study.clean_seeds": studied("clean_seeds", "3"),
    "evaluation.study.subscribers": studied("subscribers", "300"),
}


def test_every_setting_is_tried_or_listed_with_its_reason() -> None:
    assert settings_there_are() == TRIED.keys() | CANNOT.keys()
    assert not TRIED.keys() & CANNOT.keys()
    assert all(CANNOT.values())


@pytest.mark.parametrize("setting", sorted(TRIED))
def test_a_setting_changes_an_answer_a_figure_or_a_refusal(lab: Lab, setting: str) -> None:
    usual, other = TRIED[setting](lab)
    assert usual != other


def test_a_setting_that_is_ignored_is_seen(lab: Lab) -> None:
    # Of no consequence for a bundle that is there.
    assert answers(lab, lab.config()) == answers(lab, lab.config("training.model.max_iter=9"))
