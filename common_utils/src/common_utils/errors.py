"""The errors every project raises, and the exit code each one means.

An entry point catches `PortfolioError`, prints its message and leaves with its `exit_code`; anything else
is a defect and keeps its traceback.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "ArtifactError",
    "CompileError",
    "ConfigError",
    "DataError",
    "GateError",
    "LeakageError",
    "MirrorError",
    "NotReadyError",
    "ParityError",
    "PortfolioError",
    "ReleaseConflictError",
    "ReleaseError",
]


class PortfolioError(Exception):
    """Base of every error we raise on purpose.

    Attributes
    ----------
    exit_code : int
        What a command line leaves with: 2 configuration, 3 data, 4 artifact, 5 a quality gate said no.

    Examples
    --------
    >>> issubclass(DataError, PortfolioError), DataError.exit_code
    (True, 3)
    """

    exit_code: ClassVar[int] = 1


class ConfigError(PortfolioError):
    """A setting is unknown, missing or outside its range."""

    exit_code: ClassVar[int] = 2


class DataError(PortfolioError):
    """A table or a value in it cannot be used; nothing was written."""

    exit_code: ClassVar[int] = 3


class ArtifactError(PortfolioError):
    """A bundle is missing, incomplete, altered or cannot be written."""

    exit_code: ClassVar[int] = 4


class ReleaseError(ArtifactError):
    """The live version was not changed, or the record of its changes cannot be trusted."""


class ReleaseConflictError(ReleaseError):
    """The live version is not the one the caller expected: another writer was quicker."""


class CompileError(ArtifactError):
    """A fitted model holds something that cannot become plain arrays."""


class GateError(PortfolioError):
    """A quality gate refused the result."""

    exit_code: ClassVar[int] = 5


class ParityError(GateError):
    """A compiled model answers otherwise than the one it was compiled from."""


class LeakageError(GateError):
    """The training table tells the model what it will be asked."""


class MirrorError(PortfolioError):
    """The mirror of runs could not be brought up to date; what it lacks waits in the outbox."""


class NotReadyError(PortfolioError):
    """A service has no verified model to answer with."""
