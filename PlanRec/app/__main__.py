"""`python -m app` from the project's folder: the service as settings and environment say; the image runs this.

`python -m app health` asks that service whether it is alive, and exits with 0 if so.
"""

from pathlib import Path

from common_utils.serving.start import run_app
from planrec.config import SPEC

PROJECT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    run_app(SPEC, PROJECT)
