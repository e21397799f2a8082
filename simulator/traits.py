"""Traits: behaviour of real servers that differs from the documentation.

A trait is off until the profile, the caller or the control API adds it:

    Simulator("latest", realistic=True)            # as real servers were seen
    Simulator("latest", traits=["existing_chat_drops_text", "contacts_fail=signal"])
    simulator.traits.add("sender_names_are_ids")   # at run time, for every account
    simulator.traits.add("contacts_fail", account="signal")
    simulator.traits.discard("sender_names_are_ids")

`NAME=ACCOUNT` limits a trait to one account, and adding it again extends it to another.
Traits of the server as a whole ignore the limit. Some traits add accounts, chats or
messages (see `scenes.py`) and remove them when discarded.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Trait:
    """One deviation; `rows` are the rows of the list of observations."""

    name: str
    rows: str
    text: str


TRAITS = {
    trait.name: trait
    for trait in (
        # Starting and creating chats
        Trait(
            "existing_chat_drops_text",
            "R1",
            "starting an existing chat returns 200 without sending messageText",
        ),
        Trait(
            "first_text_dropped",
            "R1",
            "messageText is never sent, not even to a new chat",
        ),
        Trait("start_without_status", "R1", "the response to a start has no status"),
        Trait(
            "create_finds_existing",
            "R1",
            "creating a direct chat returns the existing one",
        ),
        Trait(
            "first_text_fails",
            "R21",
            "a failing messageText returns 500, and the new chat remains",
        ),
        Trait(
            "chat_per_conversation",
            "R14",
            "every start creates another chat, as Google Voice does",
        ),
        Trait(
            "new_chat_not_found",
            "R22",
            "a start does not find chats newer than World.discovery_seconds",
        ),
        Trait(
            "new_chat_without_members",
            "R22",
            "a chat newer than World.discovery_seconds lists nobody but the user",
        ),
        Trait(
            "network_hangs",
            "R32",
            "create and start create the chat, then fail after World.hang_seconds",
        ),
        Trait("titles_trimmed", "R21", "titles are trimmed"),
        Trait(
            "titles_folded",
            "R21",
            "titles are trimmed, spaces collapsed, characters normalised (NFC)",
        ),
        Trait("unknown_users_accepted", "R33", "users are not checked for existence"),
        Trait(
            "similar_people_accepted",
            "",
            "a start without an id finds people with a similar handle or name",
        ),
        Trait(
            "homeservers_ignored",
            "",
            "a start finds the chat with a person of the same localpart elsewhere",
        ),
        Trait(
            "handles_only_in_contacts",
            "",
            "chats list their people without usernames, contacts with them",
        ),
        # Accounts and people
        Trait("accounts_without_network", "R3", "accounts have no network"),
        Trait(
            "self_hosted_accounts",
            "R3",
            "two self-hosted accounts without network, one with an address as id",
        ),
        Trait("chat_network_bridgev2", "R3", "the network of chats is bridgev2"),
        Trait("hungryserv", "R10", "the Beeper account is hungryserv, Beeper (Matrix)"),
        Trait(
            "network_user_ids",
            "R10",
            "an account's user id is the network's own and differs from senderID",
        ),
        Trait("contacts_fail", "R9", "listing and searching contacts returns 500"),
        Trait(
            "accounts_loading",
            "R11",
            "the account list is incomplete, as after a restart",
        ),
        Trait(
            "chats_loading",
            "R11",
            "no chats are listed, and using one returns TOOL_EXECUTION_ERROR",
        ),
        Trait(
            "loading_after_restart",
            "R11",
            "both of these for Simulator.loading_seconds after a restart",
        ),
        Trait("logged_out", "R16", "sends are accepted and end in FAIL_PERMANENT"),
        Trait(
            "logged_out_chats_vanish",
            "R16",
            "chats are missing from lists and searches",
        ),
        Trait("sender_names_are_ids", "R12", "senderName is the sender's id"),
        Trait("user_names_are_ids", "R33", "the full name of a user is their id"),
        # Chats
        Trait(
            "merged_chat",
            "R4",
            "an empty chat merges the two chats with Kim",
        ),
        Trait(
            "merged_members_hidden",
            "R4",
            "lists omit the members of a merged chat",
        ),
        Trait("merge_without_default", "R4", "a merged chat has no defaultChatID"),
        Trait("null_titles", "", "the title of direct chats is null"),
        Trait("read_only_chat", "R15", "a read-only chat; sending to it returns 403"),
        Trait(
            "abandoned_chat",
            "R30",
            "a chat without other people; a start still finds it",
        ),
        Trait("invitation", "R33", "an invitation, which lists omit"),
        Trait("include_muted_ignored", "R5", "includeMuted=false returns muted chats"),
        Trait("unread_only_ignored", "R5", "unreadOnly returns read chats"),
        Trait("inbox_ignored", "R5", "inbox returns the chats of every inbox"),
        Trait(
            "primary_hides_unread",
            "R5",
            "inbox=primary with unreadOnly returns only the newest unread chat",
        ),
        Trait("list_limit_ignored", "R5", "limit of the chat list has no effect"),
        Trait(
            "patch_archive_ignored", "R6", "PATCH isArchived returns 200 without effect"
        ),
        Trait(
            "stale_write_answers",
            "R6",
            "responses to writes contain the chat before the write",
        ),
        Trait(
            "archive_comes_back",
            "R6",
            "archiving a pinned chat, or one with a new own message, does not last",
        ),
        Trait("drafts_html", "", "drafts are parsed as Markdown and stored as HTML"),
        Trait("five_participants", "R17", "lists have at most five participants"),
        Trait("numeric_read_sort_key", "R17", "lastReadMessageSortKey is a number"),
        # Messages
        Trait(
            "membership_without_type",
            "R2",
            "membership events are rows without a type",
        ),
        Trait("preview_without_type", "R2", "the preview of a chat has no type"),
        Trait("text_sort_keys", "R17", "sort keys are letters and digits"),
        Trait("mentions_null", "R17", "mentions of messages are null"),
        Trait("mentions_room", "R17", "others' messages to groups mention @room"),
        Trait(
            "pending_id_unknown",
            "R18",
            "a pending id returns 404 until the message is confirmed",
        ),
        Trait(
            "pending_id_useless",
            "R23",
            "a pending id always returns 404, except for reactions, which are lost",
        ),
        Trait(
            "unconfirmed_hidden",
            "R24",
            "own messages appear in lists and events only under the final id",
        ),
        Trait(
            "slash_commands",
            "",
            "a text after / is a command: nothing is sent, and the answer is 200",
        ),
        Trait(
            "file_name_as_text",
            "R24 R31",
            "the text of a file without caption is its name",
        ),
        Trait("plain_text", "R24", "texts are plain text instead of HTML"),
        Trait(
            "formatting_rewritten",
            "R24",
            "plain texts show formatting with other signs than those sent",
        ),
        Trait("event_sort_keys_missing", "R25", "events and previews have sortKey -1"),
        Trait("edits_without_time", "R26", "edits have no editedTimestamp"),
        Trait("rows_never_unread", "R27", "isUnread is false in every message"),
        Trait("gif_withdrawn", "R13", "a GIF sent without type gif is withdrawn"),
        Trait(
            "slow_delivery",
            "R29",
            "one message is delivered every World.delivery_interval seconds",
        ),
        Trait("reordered_delivery", "R29", "neighbouring pending messages swap places"),
        Trait("lost_at_stop", "R29", "pending messages are lost when the server stops"),
        # The server itself
        Trait(
            "no_labels", "R7", "labels return 404, and the labelID filter is ignored"
        ),
        Trait("no_bridges", "R7", "bridges return 404"),
        Trait(
            "missing_routes_405", "R28", "missing routes return 405 or a plain-text 404"
        ),
        Trait(
            "empty_values", "R28", "unknown values are null or empty instead of missing"
        ),
        Trait(
            "setup_initializing", "R19", "the state of /v1/app/setup is initializing"
        ),
        Trait(
            "unservable_assets",
            "R8",
            "two iMessage pictures that cannot be served (400, 403)",
        ),
        Trait("serve_without_content_type", "R17", "files have no Content-Type"),
    )
}


class Traits:
    """The traits of one simulator, each for all accounts or for some."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._on: dict[str, set[str] | None] = {}
        self.on_change: Callable[[str, bool], None] = lambda name, is_on: None
        """Called with a name when it is added or discarded."""
        self.add(*names)

    def add(self, *names: str, account: str | None = None) -> None:
        """Switch traits on: `NAME`, or `NAME=ACCOUNT`. Raises ValueError."""
        for entry in names:
            name, _, scope = entry.partition("=")
            _check(name)
            is_new = name not in self._on
            limit = scope or account
            if limit is None:
                self._on[name] = None
            elif is_new:
                self._on[name] = {limit}
            elif (accounts := self._on[name]) is not None:
                accounts.add(limit)
            if is_new:
                self.on_change(name, True)

    def discard(self, *names: str) -> None:
        """Switch traits off, for every account. Raises ValueError."""
        for name in names:
            _check(name)
            if name in self._on:
                del self._on[name]
                self.on_change(name, False)

    def replace(self, names: Iterable[str] = ()) -> None:
        """Switch exactly these traits on."""
        self.discard(*self)
        self.add(*names)

    def has(self, name: str, account_id: str) -> bool:
        """Return whether a trait is on for an account."""
        _check(name)
        accounts = self._on.get(name, ())
        return accounts is None or account_id in accounts

    def accounts(self, name: str) -> list[str] | None:
        """Return the accounts a trait is limited to; None: all of them."""
        accounts = self._on[name]
        return None if accounts is None else sorted(accounts)

    def __contains__(self, name: str) -> bool:
        """Whether a trait is on, for any account."""
        _check(name)
        return name in self._on

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the traits that are on."""
        return iter(tuple(self._on))


def _check(name: str) -> None:
    if name not in TRAITS:
        raise ValueError(f"Unknown trait {name!r}")
