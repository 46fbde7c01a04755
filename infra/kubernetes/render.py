r"""Print the manifests of one project's service.

python infra/kubernetes/render.py planrec --image registry.example/planrec:1.0 --artifacts planrec-artifacts \
    --shipper registry.example/planrec-shipper:1.0 --decisions postgresql://decisions@decisions-database/decisions
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from string import Template

__all__ = ["PROJECTS", "rendered"]

PROJECTS = ("planrec", "bankchurn", "carvision", "telecom")
_STORE = "sqlite:////var/decisions/store/decisions.db"
_TEMPLATES = [Path(__file__).with_name(name) for name in ("service.yaml", "verdicts.yaml")]


def rendered(
    project: str,
    image: str,
    artifacts: str,
    *,
    shipper: str | None = None,
    decisions: str = _STORE,
    monitoring: str | None = None,
) -> str:
    """Return StatefulSet, Service, PodDisruptionBudget and NetworkPolicy of a project, and its exporter of verdicts.

    Parameters
    ----------
    project : str
        One of `PROJECTS`: names of objects and start of the environment's variables.
    image : str
        With a tag or, better, a digest.
    artifacts : str
        PersistentVolumeClaim that holds the artifacts root, read only.
    shipper : str, optional
        Image that loads the decisions; the service's unless given, which holds no driver of PostgreSQL.
    decisions : str
        `decisions.url` of the shipper; by default a SQLite file on the volume of each replica.
    monitoring : str, optional
        PersistentVolumeClaim, ReadWriteMany, of `monitoring.folder`; `<project>-monitoring` unless given.

    Examples
    --------
    >>> rendered("planrec", "planrec:1.0", "models").count("kind: ")
    7
    """
    text = Template("---\n".join(path.read_text(encoding="utf-8") for path in _TEMPLATES))
    return text.substitute(
        name=project,
        prefix=project.upper(),
        image=image,
        shipper=shipper or image,
        artifacts=artifacts,
        decisions=decisions,
        monitoring=monitoring or f"{project}-monitoring",
    )


def main() -> int:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", choices=PROJECTS)
    parser.add_argument("--image", required=True)
    parser.add_argument("--artifacts", required=True, help="PersistentVolumeClaim of the artifacts root")
    parser.add_argument("--shipper", help="image that loads the decisions; default: the service's, for SQLite")
    parser.add_argument("--decisions", default=_STORE, help="store; default: a SQLite file of each replica")
    parser.add_argument(
        "--monitoring", help="PersistentVolumeClaim of monitoring.folder; default: <project>-monitoring"
    )
    options = parser.parse_args()
    said = {name: getattr(options, name) for name in ("shipper", "decisions", "monitoring")}
    print(rendered(options.project, options.image, options.artifacts, **said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
