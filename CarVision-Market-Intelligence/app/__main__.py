"""`python -m app` from the project's folder: the service as settings and environment say; the image runs this.

`python -m app health` asks that service whether it is alive, and exits with 0 if so.
"""

import sys
from pathlib import Path

from carvision.config import SPEC
from common_utils.serving.start import is_alive, serve_configured

PROJECT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    if sys.argv[1:] == ["health"]:
        sys.exit(not is_alive(SPEC, PROJECT))
    serve_configured(SPEC, PROJECT)
