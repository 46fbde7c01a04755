"""What every project's HTTP service shares: start at `common_utils.serving.app.create_service`.

Nothing is re-exported: a batch job that needs a scorer imports no web framework, and a server that opens
compiled scorers imports no joblib.
"""

from __future__ import annotations

__all__: list[str] = []
