"""Print the manifests of one project's service.

python infra/kubernetes/render.py planrec --image registry.example/planrec:1.0 --artifacts planrec-artifacts
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from string import Template

__all__ = ["PROJECTS", "rendered"]

PROJECTS = ("planrec", "bankchurn", "carvision", "telecom")
_TEMPLATE = Path(__file__).with_name("service.yaml")


def rendered(project: str, image: str, artifacts: str) -> str:
    """Return Deployment, Service, PodDisruptionBudget and NetworkPolicy of a project, as YAML documents.

    Parameters
    ----------
    project : str
        One of `PROJECTS`: names of objects and start of the environment's variables.
    image : str
        With a tag or, better, a digest.
    artifacts : str
        PersistentVolumeClaim that holds the artifacts root, read only.

    Examples
    --------
    >>> rendered("planrec", "planrec:1.0", "models").count("kind: ")
    4
    """
    text = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return text.substitute(name=project, prefix=project.upper(), image=image, artifacts=artifacts)


def main() -> int:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", choices=PROJECTS)
    parser.add_argument("--image", required=True)
    parser.add_argument("--artifacts", required=True, help="PersistentVolumeClaim of the artifacts root")
    options = parser.parse_args()
    print(rendered(options.project, options.image, options.artifacts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
