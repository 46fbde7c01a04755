r"""Print the manifests of one project's service, and of its scheduled jobs.

python infra/kubernetes/render.py planrec --image registry.example/planrec:1.0 --artifacts planrec-artifacts \
    --shipper registry.example/planrec-shipper:1.0 --decisions postgresql://decisions@decisions-database/decisions \
    --jobs registry.example/planrec-jobs:1.0
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from scheduled import jobs_of

__all__ = ["PROJECTS", "rendered"]

PROJECTS = ("planrec", "bankchurn", "carvision", "telecom")
_STORE = "sqlite:////var/decisions/store/decisions.db"
_SQLITE = "sqlite:"
# Beside the artifacts root, on a volume of its own: training tables, which no service mounts.
_SNAPSHOT_MOUNT = "- {name: snapshots, mountPath: /app/artifacts-data}"
_SNAPSHOT_VOLUME = "- {{name: snapshots, persistentVolumeClaim: {{claimName: {}-snapshots}}}}"


def rendered(
    project: str,
    image: str,
    artifacts: str,
    *,
    shipper: str | None = None,
    decisions: str = _STORE,
    monitoring: str | None = None,
    jobs: str | None = None,
    files: str | None = None,
) -> str:
    """Return StatefulSet, Service, PodDisruptionBudget and NetworkPolicy of a project, its exporter and its jobs.

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
    jobs : str, optional
        Image of the jobs; without it there are no CronJobs.
    files : str, optional
        PersistentVolumeClaim, ReadWriteMany, with what arrives for jobs and what they hand out; `<project>-files`
        unless given.

    Raises
    ------
    ValueError
        If there are jobs and the store is a SQLite file, which lies on the volume of one replica.

    Examples
    --------
    >>> rendered("planrec", "planrec:1.0", "models").count("kind: ")
    7
    """
    said = {
        "name": project,
        "prefix": project.upper(),
        "image": image,
        "shipper": shipper or image,
        "artifacts": artifacts,
        "decisions": decisions,
        "monitoring": monitoring or f"{project}-monitoring",
    }
    documents = [_filled(name, said) for name in ("service.yaml", "verdicts.yaml")]
    if jobs is not None:
        if decisions.startswith(_SQLITE):
            raise ValueError("jobs cannot reach a SQLite file of one replica: give --decisions postgresql://...")
        said |= {"jobs": jobs, "files": files or f"{project}-files"}
        documents += [_filled("job.yaml", said | each) for each in _jobs(project)]
        documents.append(_filled("jobs_network.yaml", said))
    return "---\n".join(documents)


def _jobs(project: str) -> Iterator[dict[str, str]]:
    """Yield what the template of a job is filled with; a JSON text is YAML."""
    for job in jobs_of(project):
        yield {
            "job": job.name,
            "schedule": job.schedule,
            "command": json.dumps(f"exec {job.command(project)}"),  # the job, not the shell, is told to end
            "seconds": str(job.seconds),
            "start_within": str(job.start_within),
            "artifacts_read_only": json.dumps(not job.writes_artifacts),
            "snapshot_mount": _SNAPSHOT_MOUNT if job.writes_artifacts else "",
            "snapshot_volume": _SNAPSHOT_VOLUME.format(project) if job.writes_artifacts else "",
        }


def _filled(template: str, said: Mapping[str, str]) -> str:
    return Template(Path(__file__).with_name(template).read_text(encoding="utf-8")).substitute(said)


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
    parser.add_argument("--jobs", help="image of the jobs (make image KIND=jobs); without it there are no CronJobs")
    parser.add_argument("--files", help="PersistentVolumeClaim of files for and from jobs; default: <project>-files")
    options = parser.parse_args()
    said = {name: getattr(options, name) for name in ("shipper", "decisions", "monitoring", "jobs", "files")}
    try:
        print(rendered(options.project, options.image, options.artifacts, **said))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
