"""What `carvision market` does: show the market tables of a bundle; write them with their figures."""

from __future__ import annotations

from pathlib import Path

from carvision.config import SPEC, CarVisionConfig
from carvision.figures import MARKET_FIGURES, write_market_figures
from carvision.tables import market_tables
from common_utils.bundle import open_bundle
from common_utils.command_line.terminal import note, show_table
from common_utils.config import resolve_path
from common_utils.outputs import write_text
from common_utils.releases.config import load_trust
from common_utils.releases.trained import check_project
from common_utils.table_project.cards import markdown, source_words

__all__ = ["run_market"]


def run_market(config: CarVisionConfig, folder: Path, bundle_path: Path | None, output: Path | None) -> None:
    """Show the market tables of a bundle; with `output`, write `market.md` and its figures into that folder.

    Parameters
    ----------
    config : CarVisionConfig
    folder : Path
        The project's.
    bundle_path, output : Path, optional

    Raises
    ------
    ArtifactError
        If the bundle is missing or altered, or another project's.
    """
    path = bundle_path or resolve_path(folder, config.training.artifacts)
    bundle = open_bundle(path, trust=load_trust(config.releases, folder))
    check_project(bundle, SPEC.name)
    metrics = bundle.read_json("metrics.json")
    tables = market_tables(metrics["market"])
    for title, rows in tables.items():
        show_table(title, rows)
    note(f"measured on {source_words(metrics)}")
    if output is None:
        return
    target = resolve_path(folder, output)
    write_market_figures(target / "figures", metrics["market"])
    parts = [
        "# The market in the ads",
        f"Written by `carvision market --output {output}`; do not edit by hand. {metrics['market']['ads']:,} ads of "
        f"{source_words(metrics)}; prices are what was asked, in US dollars. Above and below are against the model's "
        "90 % interval, out of fold.",
        *(f"## {title}\n\n{markdown(rows)}" for title, rows in tables.items()),
        *(f"![{name.removesuffix('.png').replace('_', ' ')}](figures/{name})" for name in MARKET_FIGURES),
    ]
    write_text(target / "market.md", "\n\n".join(parts) + "\n")
    note(f"written to {target / 'market.md'}")
