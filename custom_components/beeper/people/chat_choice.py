"""Which chat is written to, of those that match a text equally well."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..api.models import LONG_AGO, ListedChat
from ..api.phone_numbers import canonical_number
from ..server import Server
from .candidates import Candidate, find_candidates, group_by_person
from .full_read import gather
from .index_keeper import MAX_PARTICIPANTS


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatMatch:
    """A chat that matches, and the chat to write to: a merged chat has several."""

    listed: ListedChat
    row: Candidate
    """Who is in the chat to write to."""

    @property
    def chat(self) -> ListedChat:
        """The chat to write to."""
        return self.row.chat or self.listed


def in_account(
    candidates: Iterable[Candidate], account_id: str | None
) -> list[Candidate]:
    """Return the chats of an account, None for all, and all merged chats.

    Beeper lists a merged chat in one account, and may hide its members in others.
    """
    return [
        candidate
        for candidate in candidates
        if (chat := candidate.chat)
        and (account_id in (None, candidate.account_id) or chat.merged_ids)
    ]


async def read_members(
    server: Server, candidates: Iterable[Candidate], account_id: str | None
) -> list[ChatMatch]:
    """Return the matches, in an account the members of a merged chat instead of it.

    Such a member sends from this account. Raises BeeperError.
    """
    listed = {
        candidate.chat.id: (candidate, candidate.chat)
        for candidate in candidates
        if candidate.chat
    }
    matches: list[ChatMatch] = []
    for candidate, chat in listed.values():
        if account_id is None or not chat.merged_ids:
            matches.append(ChatMatch(listed=chat, row=candidate))
            continue
        members: list[ListedChat] = await gather(
            *(
                server.client.chat(member_id, participants=MAX_PARTICIPANTS)
                for member_id in chat.merged_ids
            )
        )
        matches += [
            ChatMatch(listed=chat, row=row)
            for row in find_candidates(server.accounts, members, [])
            if row.account_id == account_id
        ]
    return matches


def only_match(
    matches: Sequence[ChatMatch], default_account_id: str | None
) -> ChatMatch | None:
    """Return the only match, None if there are several people, groups or accounts.

    Several chats with one person in an account are one, the latest. With a default
    account, it is where a person is written to who has chats in several.
    """
    found = [match for match in matches if match.row.users]
    by_row = {id(match.row): match for match in found}
    groups = [
        [by_row[id(row)] for row in rows]
        for rows in group_by_person(match.row for match in found)
    ]
    groups += [[match] for match in matches if not match.row.users]
    if len(groups) > 1 and _is_one_number(matches):
        groups = [
            group for group in groups if group[0].row.account_id == default_account_id
        ]
    if len(groups) != 1:
        return None
    return max(groups[0], key=lambda match: match.row.last_activity or LONG_AGO)


def _is_one_number(matches: Iterable[ChatMatch]) -> bool:
    """Return whether all are chats with the person who has one phone number."""
    numbers: set[str | None] = set()
    for match in matches:
        known = [user.known_number(match.row.id_scheme) for user in match.row.users]
        numbers |= {number and canonical_number(number) for number in known or [None]}
    return len(numbers) == 1 and None not in numbers
