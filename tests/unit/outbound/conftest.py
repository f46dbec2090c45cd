"""The simulator of a client's developer, for the tests of this room."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest


def _simulator(name: str) -> Any:
    module_name = f"simulators_{name}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, Path(__file__).parents[2] / "simulators" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[module_name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[module_name])
    return sys.modules[module_name]


@pytest.fixture(scope="session")
def developer() -> Any:
    """A client's developer with keys of every kind."""
    return _simulator("client_developer")


@pytest.fixture(scope="session")
def openid() -> Any:
    """Sign-in providers of somebody else."""
    return _simulator("openid_provider")
