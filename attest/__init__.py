"""Signed provenance of machine-learning models, from the weights back to every dataset.

The front door is small: ``attest.run`` records a step of a pipeline, everything else is the command line
or one of the modules named in ``docs/concepts.md``. Importing the package loads none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attest.recorder import run

__all__ = ["__version__", "run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the front room only when somebody walks in, so that ``attest --help`` stays light."""
    if name == "run":
        from attest.recorder import run

        return run
    raise AttributeError(f"module 'attest' has no attribute {name!r}")
