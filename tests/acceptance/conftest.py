"""The installation that most modules test on. One that needs another kind has a `plant` of its own."""

import pytest

from tests.support.installation import Installation


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """An installation with its API, which lets in as much as may come, and one worker running."""
    module_installation.environ |= {"IOT_LOGIC_API_RATE": "100000", "IOT_LOGIC_API_BURST": "100000"}
    module_installation.start_api()
    module_installation.start_worker()
    return module_installation
