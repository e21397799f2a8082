"""Guard: the tables of the documentation list every key of a response."""

import re
from typing import get_type_hints

import pytest

from custom_components.beeper.actions import responses
from tests.helpers.repository import ROOT


def first_column(document: str, heading: str) -> set[str]:
    """Return the code words in the first column of the table with this heading."""
    text = (ROOT / f"docs/{document}.md").read_text("utf-8")
    rows = text.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return {word for row in rows for word in re.findall("`(.+?)`", row.split("|")[1])}


@pytest.mark.parametrize(
    ("document", "heading", "response"),
    [
        ("actions", "Response", responses.SendMessageResponse),
        ("actions", "Match", responses.MatchResponse),
        ("ask", "Response of ask_question", responses.AskQuestionResponse),
        ("changing", "Response of a change", responses.ChangeResponse),
        ("create-chats", "Key", responses.CreateChatResponse),
        ("reading", "Account", responses.AccountResponse),
        ("reading", "Chat", responses.ChatResponse),
        ("reading", "File", responses.DownloadResponse),
        ("reading", "Message", responses.MessageResponse),
    ],
)
def test_table_lists_every_key(document: str, heading: str, response: type) -> None:
    documented = first_column(document, heading)
    assert documented == get_type_hints(response).keys()
