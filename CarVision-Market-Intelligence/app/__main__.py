"""`python -m app` from the project's folder: the service as settings and environment say; the image runs this."""

from app.fastapi_app import PROJECT
from carvision.config import SPEC
from common_utils.serving.start import serve_configured

if __name__ == "__main__":
    serve_configured(SPEC, PROJECT)
