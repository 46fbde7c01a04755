"""The study as tables: every promise, then the detail by model and policy, each policy named by its settings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common_utils.reporting.cards import markdown_table
from planrec.reporting.tables import Cells, template_text
from planrec.study.answers import RE_RATING, WITHOUT_CERTAINTY
from planrec.study.figures import ANY_PLAN, HELD_FIRST, MULTICLASS, ORACLE
from planrec.study.measure import ADVICE, LAUNCH
from planrec.study.pooled import Study
from planrec.study.promises import WORLDS, promises

__all__ = ["detail_tables", "study_document"]

_ACCEPTED, _LEAVE = "accepted saving a contact", "leave within 3 months, %"
_FAMILY = {
    "flat_rate": "a logit in which some dread what is charged beyond the fee, and a few the fee: outside the choice "
    "model's family",
    "latent_classes": "a logit within classes whose tastes go together: outside the choice model's family",
    "logit": "a logit with the terms of the choice model, but of bills people believe in: close to its family",
    "habit": "the plans are looked at only where much can be saved, then a logit: outside the choice model's family",
    "loss_averse": "a logit in which a dearer bill weighs more than a cheaper one: outside the choice model's family",
    "satisficing": "a few plans looked at, the first that is good enough taken: outside the choice model's family",
}


def detail_tables(study: Study) -> list[tuple[str, list[Cells]]]:
    """Return titled tables: choice, advice and offers by model and policy, under each truth and in both worlds."""
    tables: list[tuple[str, list[Cells]]] = []
    for truth in study.operators:
        for world, title in WORLDS.items():
            where = f"{truth} truth, {title}"
            tables.append((f"Choice, {where}", _choice_rows(study, truth, world)))
            tables.append((f"Advice, {where}, {study.currency} a month", _advice_rows(study, truth, world)))
            if study.has(truth, f"{world}.offers.made"):
                tables.append((f"Offers, {where}, {study.currency} a month", _offer_rows(study, truth, world)))
    return tables


def _choice_rows(study: Study, truth: str, world: str) -> list[Cells]:
    names = {MULTICLASS: "multiclass", ANY_PLAN: "choice model"}
    names |= {f"{HELD_FIRST}{policy.key}": f"{HELD_FIRST}{policy.key}" for policy in RE_RATING} | {ORACLE: "oracle"}
    columns = {"accuracy": "accuracy", "NDCG@5": "ndcg_at_5", "ECE": "ece", "ECE of the first": "ece_top"}
    if world == LAUNCH:
        columns |= {
            "launched plan: hit@3": "hit_at_3",
            "its precision": "precision_at_3",
            "its demand, predicted over real": "launched_demand",
        }

    def cell(name: str, figure: str) -> str:
        path = f"{world}.choice.{name}.{figure}"
        if not study.has(truth, path):
            return ""
        unknown = np.isnan(study.values(truth, path))
        if unknown.any():  # precision: nobody had the launched plan among the first three
            return "never among 3" if unknown.all() else f"never among 3 on {unknown.sum()} operator(s)"
        return study.mean(truth, path).text(3)

    return [{"model": title, **{c: cell(name, key) for c, key in columns.items()}} for name, title in names.items()]


def _advice_rows(study: Study, truth: str, world: str) -> list[Cells]:
    rows: list[Cells] = []
    for policy in ADVICE:
        folder, harm = f"{world}.advice.{policy.key}", study.harm(truth, world, policy.key)
        moved = study.ratio(truth, *(study.values(truth, f"{folder}.{name}") for name in ("moved", "asked")))
        saving, regret = (study.values(truth, f"{folder}.{name}_cents").mean() / 100 for name in ("saving", "regret"))
        share = study.saving_share(truth, world, policy.key, WITHOUT_CERTAINTY.key)
        rows.append(
            {
                "policy": study.titles[policy.key],
                "moved": f"{moved.value:z.3f}",
                "not worse off, of the moved": harm.not_worse_off.text(3),
                "P95 loss of the moved": f"{harm.loss_p95_cents / 100:z.2f}",
                "saving": f"{saving:z.2f}",
                "of that without certainty": f"{share.value:z.3f}",
                "regret": f"{regret:z.2f}",
            }
        )
    return rows


def _offer_rows(study: Study, truth: str, world: str) -> list[Cells]:
    folder = f"{world}.offers"
    contacts = study.values(truth, f"{folder}.judged")
    names = {"offer": study.titles["offer"], **{p.key: f"P(accept) x re-rating, {p.key}" for p in RE_RATING}}
    names[ORACLE] = "oracle: true P(accept) x true saving"
    offered, alone = (study.values(truth, f"{folder}.left_{name}") for name in ("offered", "alone"))
    left = study.ratio(truth, 100 * offered, contacts).text(), study.ratio(truth, 100 * alone, contacts).text()
    rows = [
        {
            "chosen by": title,
            _ACCEPTED: study.ratio(
                truth, study.values(truth, f"{folder}.accepted_saving.{name}") / 100, contacts
            ).text(),
            _LEAVE: left[0] if name == "offer" else "",
        }
        for name, title in names.items()
    ]
    alone_row = {"chosen by": "the same subscribers, nobody contacted", _ACCEPTED: "0", _LEAVE: left[1]}
    return [*rows, alone_row]


def study_document(study: Study, command: str) -> str:
    """Return the study as Markdown; `command` is what printed it."""
    seeds = ", ".join(map(str, study.seeds))
    head = (
        "# What PlanRec promises, measured\n\n"
        f"Written by `{command}`. Operators are simulated from {study.operator}, {study.subscribers:,} subscribers "
        f"each, with seeds {seeds}. For each one a bundle is trained on some subscribers and earlier months, and asked "
        "about the others in later months through the function that `planrec recommend` calls. The operator's own "
        "truth judges, over the three months that an answer begins.\n\n"
        'A policy is named by its settings; "as shipped" are those of `configs/`. Skill is 0 for the best baseline '
        "that learns nothing and 1 for the oracle: (model - baseline) / (oracle - baseline), sums over the operators, "
        "all three under the same rules, gates and number of contacts. Figures in brackets are standard errors over "
        "the operators (jackknife). Worlds: without and with the plan launched after training, from the same random "
        "numbers. Past months follow the same rule file, but how certain a saving is, is not asked of them, as with "
        "`--basis past` (docs/rules.md): they move more subscribers, and more of those pay more. Where certainty is "
        "chosen, it is one of the seven in the tables, chosen on the operators it is judged on.\n\nTruths:\n"
        + "".join(f"- {truth}: {_FAMILY.get(truth, 'its own')}\n" for truth in study.operators)
    )
    parts = [head, f"## Promises\n\n{_markdown([line.cells() for line in promises(study)])}"]
    parts += [f"## {title}\n\n{_markdown(rows)}" for title, rows in detail_tables(study)]
    notes = [] if study.leaks is None else [*study.leaks.missed_leaks, *study.leaks.accused_columns]
    if notes:
        parts.append("## Leaks missed and columns accused\n\n" + "\n".join(f"- {note}" for note in notes))
    parts.append(template_text("promises_before.md").strip())
    return "\n\n".join(parts) + "\n"


def _markdown(rows: Sequence[Cells]) -> str:
    columns = list(rows[0])
    return markdown_table(rows, columns, "l" + "r" * (len(columns) - 1))
