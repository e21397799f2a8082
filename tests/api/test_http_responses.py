"""Answers that are too long, too many, or no JSON: none is taken for a shorter list."""

import json

import pytest

from custom_components.beeper.api.client import BeeperClient
from custom_components.beeper.api.exceptions import (
    TooLongAnswerError,
    UnreadableAnswerError,
)
from simulator import Simulator

MB = 1024 * 1024
ITEM = json.dumps({"id": "!a:b", "text": "x" * MB})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(
            f'{{"app": {{}}, "items": [{", ".join([ITEM] * 5)}]}}',
            TooLongAnswerError,
            id="items do not come first",
        ),
        pytest.param(
            f'{{"items": [{ITEM}], "more": "{"x" * 5 * MB}"}}',
            TooLongAnswerError,
            id="rest is too long",
        ),
        pytest.param(
            f'{{"items": [{", ".join([ITEM] * 5)}, {{"id": nope}}]}}',
            UnreadableAnswerError,
            id="item is no JSON",
        ),
        pytest.param(
            json.dumps({"items": [{}] * 20_001}),
            TooLongAnswerError,
            id="too many items",
        ),
    ],
)
async def test_long_list(
    client: BeeperClient,
    simulator: Simulator,
    body: str,
    error: type[UnreadableAnswerError],
) -> None:
    simulator.faults.add("garbage", path="/v1/chats", body=body)
    with pytest.raises(UnreadableAnswerError) as raised:
        await client.chats()
    assert type(raised.value) is error
