"""A folder that takes long to make, such as a trained bundle, is made once for all workers of a test run.

A fixture with the scope "session" is set up once in each process, so with pytest-xdist once in each worker. Here the
first worker makes the folder, the others wait, and each gets a copy of its own: what one test does to it, no other
worker sees.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import pytest

from common_utils.bundle.durable import exclusive

__all__ = ["fill_once"]


def fill_once(folder: Path, make: Callable[[Path], object], request: pytest.FixtureRequest, *, name: str) -> None:
    """Fill an empty folder by a function that runs in one process of this test run.

    Parameters
    ----------
    folder : Path
        The folder to fill; it exists, and belongs to this process alone.
    make : callable
        Fills the folder it is given, which moves afterwards: nothing in it may hold its path.
    request : FixtureRequest
        Of a fixture with the scope "session".
    name : str
        What is made. A second call with this name, in whichever worker, gets what the first has made.

    Raises
    ------
    Exception
        Whatever `make` raises; the next worker then tries for itself.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> fill_once(folder, lambda at: (at / "answer").write_text("42"), getfixture("request"), name="example")
    >>> (folder / "answer").read_text()
    '42'
    """
    if not hasattr(request.config, "workerinput"):  # no pytest-xdist, or `-n0`: there is nobody to share with
        make(folder)
        return
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    run = factory.getbasetemp().parent  # the workers' common folder, another one in each run
    made = run / f"once-{name}"
    with exclusive(run / f"once-{name}.lock"):
        if not made.exists():
            unfinished = Path(mkdtemp(prefix=f"once-{name}-", dir=run))
            make(unfinished)
            unfinished.rename(made)
    shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
