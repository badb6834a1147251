"""The installation that most modules use. A module that needs another kind has its own `plant`."""

import pytest

from tests.support.installation import Installation


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """An installation with its API, whose rate limit is too high to be reached, and one running worker."""
    module_installation.environ |= {"IOT_LOGIC_API_RATE": "100000", "IOT_LOGIC_API_BURST": "100000"}
    module_installation.start_api()
    module_installation.start_worker()
    return module_installation
