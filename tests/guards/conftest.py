"""Guards over the repository."""

import pytest


@pytest.fixture(autouse=True)
def integration(request: pytest.FixtureRequest) -> None:
    """Start Home Assistant only where it is needed."""
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")
        request.getfixturevalue("socket_enabled")
