"""`python -m app` from the project's folder: the service as settings and environment say; the image runs this.

`python -m app health` asks that service whether it is alive, and exits with 0 if so. `python -m app ship` loads its
decisions into the store until it is ended; it runs beside the service, which knows no database. `python -m app export`
serves the monitor's latest verdicts to Prometheus.
"""

import sys
from pathlib import Path

from carvision.config import SPEC
from common_utils.decision_log.recorder import check_log
from common_utils.serving.start import run_app

PROJECT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    if sys.argv[1:] == ["ship"]:
        from common_utils.decision_log.beside import ship_configured

        sys.exit(ship_configured(SPEC, PROJECT))
    if sys.argv[1:2] == ["export"]:
        from common_utils.monitoring.beside import export_configured

        sys.exit(export_configured(SPEC, PROJECT, sys.argv[2:]))
    run_app(SPEC, PROJECT, check_log)
