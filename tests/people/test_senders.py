"""Which sender is the person that a trigger or a question names."""

import pytest

from custom_components.beeper.api.models import User
from custom_components.beeper.people.senders import is_sender

DANA = User(id="@dana:example.org", full_name="Dana", email="Dana@Work.example")


@pytest.mark.parametrize(
    ("identity", "is_same"),
    [
        ("dana@work.example", True),
        ("DANA@WORK.EXAMPLE", True),
        ("dana@home.example", False),
        ("dana", True),
        ("@dana:example.org", True),
        ("@dana:evil.example", False),
    ],
)
def test_sender(identity: str, is_same: bool) -> None:
    assert is_sender(DANA, identity) is is_same


@pytest.mark.parametrize("name", ["dana@work.example", "@dana:x", "+15550101002"])
def test_a_name_that_looks_like_an_identity_is_nobodys(name: str) -> None:
    assert not is_sender(User(id="@x:y", full_name=name, username=name), name)
