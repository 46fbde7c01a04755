"""The app factory: health, readiness, what is live, metrics, errors and limits around a project's own routes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from common_utils.serving.config import LimitConfig, ServiceConfig
from common_utils.serving.decisions.events import DecisionSink, LogPlace
from common_utils.serving.docs import install_docs
from common_utils.serving.fast_route import fast_routes
from common_utils.serving.follower import LoaderThread, PointerFollower
from common_utils.serving.guards.access import Access
from common_utils.serving.guards.turns import short_turns
from common_utils.serving.limits import LimitsMiddleware
from common_utils.serving.metrics import ServiceMetrics
from common_utils.serving.model_slot import Model, ModelNotReadyError, ModelSlot
from common_utils.serving.openapi import declared_names, document_problems
from common_utils.serving.problems import install_problem_handlers
from common_utils.serving.request_id import RequestContext

__all__ = ["Health", "ModelInfo", "Readiness", "Settings", "create_service"]


_METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "model_ready 1.0\n"}}}
}
_VERSION = "20261123T120102Z-1a2b3c4d5e6f"


@dataclass(frozen=True)
class Settings:
    """What a service reads from its configuration when it starts.

    Attributes
    ----------
    limits : LimitConfig
    log_sample : float
        Share of requests that get a line in the log, 0 to 1; faults of the service always get one.
    access : Access
        API keys, rate and administrator's port; everybody may ask unless given.
    root_path : str
        What a proxy strips of the path; the docs put it before their links.

    Examples
    --------
    >>> Settings.of(ServiceConfig(), Path(), environ={}).log_sample
    0.01
    """

    limits: LimitConfig = field(default_factory=LimitConfig)
    log_sample: float = 1.0
    access: Access = field(default_factory=Access)
    root_path: str = ""

    @classmethod
    def of(cls, config: ServiceConfig, project: Path, *, environ: Mapping[str, str] | None = None) -> Settings:
        """Return what the configuration says; raises ConfigError where keys are required and cannot be had."""
        access = Access.of(config.access, project, admin_port=config.admin_port, environ=environ)
        return cls(config.limits, config.log_sample, access, config.root_path)


class Health(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """A verified model answered its probe, and the process is not about to end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready", "version": _VERSION}]})

    status: Literal["ready"] = "ready"
    version: str = Field(max_length=128, description="Version of the live model")
    reason: str | None = Field(
        default=None,
        max_length=64,
        description="Code of what keeps the service from following the pointer; the live model still answers",
    )


class ModelInfo(BaseModel):
    """What is live; a project may add fields of its own."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "version": _VERSION,
                    "created": "2026-11-23T12:01:02+00:00",
                    "metrics": {"roc_auc": 0.86},
                    "libraries": {"numpy": "2.4.6"},
                }
            ]
        },
    )

    version: str = Field(max_length=128, description="Version of the live model")
    created: str | None = Field(default=None, max_length=64, description="When it was trained, UTC")
    metrics: dict[str, Any] = Field(default_factory=dict, description="What it reached on held-out data")
    libraries: dict[str, str] = Field(default_factory=dict, description="Versions it was trained with")


def create_service(
    *,
    title: str,
    version: str,
    description: str,
    slot: ModelSlot[Model],
    loader: Callable[[], Model],
    probe: Callable[[Model], None],
    model_info: Callable[[Model], Mapping[str, Any]],
    routes: Sequence[APIRouter],
    limits: LimitConfig | None = None,
    startup_wait_seconds: float = 5.0,
    settings: Callable[[], Settings] | None = None,
    follow: Callable[[], PointerFollower[Model] | None] = lambda: None,
    log: LogPlace[Any] | None = None,
    open_log: Callable[[], DecisionSink | None] = lambda: None,
    beside: Callable[[], Callable[[], None]] | None = None,
) -> FastAPI:
    """Return a service that opens nothing until it is started.

    Parameters
    ----------
    title, version, description : str
        Of the service, for `/docs`.
    slot : ModelSlot
        Where the routes find the live model; empty.
    loader : callable
        Opens and verifies the bundle. Runs in a thread when the service starts, never at import.
    probe : callable
        Asks the loaded model for one answer and raises if that is wrong.
    model_info : callable
        What `GET /model` tells of the live model; the fields of `ModelInfo` and any others.
    routes : sequence of APIRouter
        The project's own. Give a router its prefix itself, so that its full path labels the metrics.
    limits : LimitConfig, optional
        The defaults unless given.
    startup_wait_seconds : float
        How long the start waits for the model before it answers `/health` and says "starting" on `/ready`; most
        clients then never see a 503, and a slow model does not look like a dead process. Seconds, >= 0.
    settings : callable, optional
        Called when the service starts; returns limits, share of requests logged and who may ask. What it raises keeps
        the service from starting. Instead of `limits`.
    follow : callable
        Called when the service starts; returns what keeps the slot at the version a pointer names, and then loads the
        first model as well, or None for what `loader` opens and no other.
    log : LogPlace, optional
        Where the routes find the decision log; empty.
    open_log : callable
        Called when the service starts; returns the log to put there, or None to log nothing. What it raises keeps the
        service from starting.
    beside : callable, optional
        Called when the service starts, with what works beside its answers; returns what is called when it ends.

    Returns
    -------
    FastAPI
        With `GET /health /ready /model /metrics /docs /openapi.json`; the slot and the metrics are on its `state`.
        A model that cannot be loaded leaves the process alive and `/ready` at 503 with a reason code.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> app = create_service(
    ...     title="Demo", version="1", description="", slot=ModelSlot(), routes=[], probe=lambda model: None,
    ...     loader=lambda: SimpleNamespace(version="v1"), model_info=lambda model: {},
    ... )
    >>> sorted(app.openapi()["paths"])
    ['/health', '/metrics', '/model', '/ready']
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        if log is not None:
            log.sink = open_log()
        ended = None if beside is None else beside()
        loading = LoaderThread(slot, loader, probe, follow)
        loading.start()
        await to_thread.run_sync(loading.first_done.wait, startup_wait_seconds, abandon_on_cancel=True)
        with short_turns():
            yield {"drain": slot.drain}
        loading.stop()
        if ended is not None:
            ended()
        if log is not None:
            log.close()

    app = _Service(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host header and the path
    )
    app.state.slot = slot
    app.state.metrics = ServiceMetrics(slot)
    if log is not None:
        app.state.metrics.add(log.collector())
    # The project's first: routes are tried in order, and theirs are the busy ones.
    routers = [*routes, _service_router(slot, model_info, app.state.metrics)]
    paths = frozenset(route.path for router in routers for route in router.routes if isinstance(route, APIRoute))
    install_problem_handlers(app, declared_names(app))

    def wrap(inner: ASGIApp) -> ASGIApp:
        chosen = settings() if settings is not None else Settings(limits or LimitConfig())
        app.state.root_path = chosen.root_path
        fast = fast_routes(routers, chosen.limits)
        bounded = LimitsMiddleware(inner, chosen.limits, fast)
        guarded = chosen.access.around(bounded)
        names = declared_names(app)
        return RequestContext(
            guarded,
            app.state.metrics,
            paths,
            log_sample=chosen.log_sample,
            known_names=names,
            ending=lambda: slot.state == "draining",
        )

    app.wrap = wrap
    for router in routers:
        app.include_router(router)
    install_docs(app)
    document_problems(app)
    return app


class _Service(FastAPI):
    """FastAPI inside our own layers, which then are the first and the last to see a request."""

    wrap: Callable[[ASGIApp], ASGIApp]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead a request to the outermost layer: FastAPI would ask about OpenTelemetry first, each time."""
        if scope["type"] == "http" and self.middleware_stack is not None:
            scope["app"] = self
            await self.middleware_stack(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return all layers; called once, when the service starts."""
        return self.wrap(super().build_middleware_stack())


def _service_router(
    slot: ModelSlot[Model], model_info: Callable[[Model], Mapping[str, Any]], metrics: ServiceMetrics
) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/health", summary="The process is alive")
    async def health() -> Health:
        """Answers while the process runs, whatever state the model is in. For liveness probes; needs no key."""
        return Health()

    @router.get("/ready", summary="A verified model answers", response_model_exclude_none=True)
    async def ready() -> Readiness:
        """200 while a verified model answers and the process is not about to end; else 503 with the reason.

        For readiness probes and load balancers; needs no key.
        """
        if slot.state != "ready":
            raise ModelNotReadyError(slot.reason)
        return Readiness(version=slot.get().version, reason=slot.pointer_fault)

    @router.get("/model", summary="What is live")
    async def model() -> ModelInfo:
        """Version of the live model, when and with which libraries it was trained, what it reached on held-out data."""
        live = slot.get()
        return ModelInfo.model_validate({"version": live.version, **model_info(live)})

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses=_METRICS)
    async def prometheus() -> Response:
        """Return counts of requests by route, method and status, their times, and which model is live."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router
