"""A watched stack and a browser for all tests of the page."""

import sys

import pytest

from stack import TOP

sys.path.insert(0, str(TOP / "tests/web"))

from browser import Browser  # noqa: E402
from scene import Scene  # noqa: E402


@pytest.fixture(scope="session")
def scene():
    with Scene() as found:
        found.wait_for_data()
        yield found


@pytest.fixture(scope="session")
def chromium(scene):
    with Browser(scene.stack.url, scene.stack.secret("admin_key")) as browser:
        yield browser


@pytest.fixture
def browser(chromium):
    """A new visitor with the key, in front of a wide screen."""
    chromium.size(1440, 1000)
    chromium.prefer("dark")
    chromium.forget()
    return chromium
