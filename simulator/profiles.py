"""Behaviour of the server generations.

Each generation is a frozen `Profile`. The rest of the package reads profiles and never
compares versions. The values come from recorded traffic, the published API description
and reports about live servers. Behaviour without a source is marked "chosen".
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

G1_CHAT = frozenset(
    {
        "id",
        "localChatID",
        "accountID",
        "network",
        "title",
        "type",
        "participants",
        "unreadCount",
        "lastActivity",
        "lastReadMessageSortKey",
        "isArchived",
        "isMuted",
        "isPinned",
    }
)
G3_CHAT = G1_CHAT | {
    "unreadMentionsCount",
    "isMarkedUnread",
    "isLowPriority",
    "isReadOnly",
    "description",
    "imgURL",
    "draft",
    "reminder",
    "snooze",
    "messageExpirySeconds",
    "capabilities",
}
G1_MESSAGE = frozenset(
    {
        "id",
        "chatID",
        "accountID",
        "senderID",
        "senderName",
        "timestamp",
        "sortKey",
        "text",
        "isSender",
        "isUnread",
        "attachments",
        "reactions",
    }
)
G2_MESSAGE = G1_MESSAGE | {"type", "linkedMessageID"}
G3_MESSAGE = G2_MESSAGE | {
    "editedTimestamp",
    "isDeleted",
    "isHidden",
    "sendStatus",
    "mentions",
    "links",
    "seen",
}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Behaviour of one server generation.

    A route whose feature is not in `features` does not exist.
    """

    version: str
    features: AbstractSet[str]
    app_name: str = "Beeper"
    bundle_id: str = "com.automattic.beeper.desktop"
    server_status: str = "running"
    mcp: str | None = "/v0/mcp"
    """Path of the MCP endpoint. None: disabled, but advertised as `/mcp`."""
    version_header: bool = True
    """`X-Beeper-Desktop-Version` on authenticated responses; chosen: also on errors."""
    account_keys: AbstractSet[str]
    chat_keys: AbstractSet[str]
    message_keys: AbstractSet[str]
    max_participants: int = -1
    """Default of `maxParticipantCount` when one chat is fetched; -1 = all."""
    list_participants: int = -1
    """Participants per chat in lists and searches. Before 4.2.808 chosen: all."""
    html: bool = False
    """Message text is Matrix HTML, and sent text is parsed as Markdown."""
    message_cursors: bool = False
    """Message lists include cursors; otherwise an item's `sortKey` is the cursor."""
    no_content: bool = True
    """Archive and reminders return 204; otherwise 200 `{"success": true}`."""
    absent: tuple[int, str] | None = (404, "Not Found")
    """Plain-text response to an unknown route, before authentication.

    Chosen: no source shows a real server's. None: Go's 404 and 405.
    """
    plain_auth: bool = False
    """401 and 403 are plain text with `WWW-Authenticate`, not the JSON envelope."""
    focus_scope: str = "write"
    """Scope of `focus`; all other mutations require `write`."""
    strict: bool = False
    """Behaviour of EasyMatrix: unknown body keys are rejected, `details` is a
    flat `{field: text}`, lists in queries may be comma-separated, and a start accepts a
    `fullName` as the only identifier."""
    ws_text_time: bool = False
    """`ts` of WebSocket events is an ISO date-time; otherwise integer milliseconds."""
    ws_app: bool = False
    """The WebSocket supports the `app` keys and includes `accountID` in events."""
    ws_first_ping: float = 10.5
    """Seconds until the server's first protocol ping; then one every 30 s."""
    traits: AbstractSet[str] = frozenset()
    """Traits that are always on; see `traits.py`."""


_G1 = Profile(
    version="4.1.294",
    features={"create_id", "remind_ms"},
    account_keys={"accountID", "network", "user"},
    chat_keys=G1_CHAT,
    message_keys=G1_MESSAGE,
)
_G2 = replace(
    _G1,
    version="4.2.557",
    features={
        "info",
        "introspect",
        "ws",
        "contacts_list",
        "create_mode",
        "edit",
        "assets",
        "react",
        "unreact_query",
        "remind_ms",
    },
    account_keys={"accountID", "user"},
    chat_keys=G1_CHAT - {"network"},
    message_keys=G2_MESSAGE,
)
_G3 = replace(
    _G2,
    version="4.2.808",
    features=(_G2.features - {"create_mode", "unreact_query", "remind_ms"})
    | {"create_chat", "start", "rich", "unreact_path", "remind_iso"},
    account_keys={"accountID", "network", "user", "bridge"},
    chat_keys=G3_CHAT,
    message_keys=G3_MESSAGE,
    max_participants=100,
    list_participants=20,
    html=True,
    message_cursors=True,
    ws_text_time=True,
)

PROFILES = {
    "4.1.294": _G1,
    "4.2.557": _G2,
    "4.2.808": _G3,
    "latest": replace(
        _G3,
        version="4.3.73",
        features=_G3.features | {"registry"},
        account_keys={
            "accountID",
            "network",
            "user",
            "bridge",
            "status",
            "statusText",
            "loginID",
            "capabilities",
        },
        chat_keys=G3_CHAT | {"labels"},
        ws_app=True,
    ),
    "easymatrix": replace(
        _G2,
        version="0.3.0",
        features=(_G2.features | {"unreact_body"}) - {"unreact_query"},
        app_name="EasyMatrix",
        bundle_id="com.beeper.desktop",
        server_status="ready",
        mcp=None,
        version_header=False,
        account_keys={"accountID", "network", "user"},
        list_participants=5,
        no_content=False,
        absent=None,
        plain_auth=True,
        focus_scope="read",
        strict=True,
        ws_first_ping=30,
    ),
}

SEEN_TRAITS: dict[str, AbstractSet[str]] = {
    # No recorded traffic is this old; R12 applies to every version.
    "4.1.294": {"sender_names_are_ids"},
    "4.2.557": {
        "existing_chat_drops_text",  # R1, A: the wording of the API
        "membership_without_type",  # R2, A: recorded
        "preview_without_type",  # R2, A: recorded
        "hungryserv",  # R10, A: recorded
        "network_user_ids",  # R10, A: recorded
        "sender_names_are_ids",  # R12, A: recorded
        "numeric_read_sort_key",  # R17, A
        "five_participants",  # R17, A
        "mentions_null",  # R17, A
    },
    "4.2.808": {
        "existing_chat_drops_text",  # R1, A: live, about 4.2.8xx
        "membership_without_type",  # R2, A: live
        "network_user_ids",  # R10, A
        "patch_archive_ignored",  # R6, A
        "stale_write_answers",  # R6, A
        "archive_comes_back",  # R6, A
        "unservable_assets",  # R8, B
        "loading_after_restart",  # R11, A: 4.2.964
        "sender_names_are_ids",  # R12, A
        "gif_withdrawn",  # R13, B
        "mentions_null",  # R17, A
        "drafts_html",  # an independent client
    },
    "latest": {
        "existing_chat_drops_text",  # R1, A
        "membership_without_type",  # R2, A: 4.3.123
        "self_hosted_accounts",  # R3, A: 4.3.123
        "merged_chat",  # R4, B
        "merged_members_hidden",  # R4, B
        "include_muted_ignored",  # R5, A: 4.3.73
        "primary_hides_unread",  # R5, A: 4.3.73
        "patch_archive_ignored",  # R6, A: 4.3.123
        "stale_write_answers",  # R6, A: 4.3.123
        "archive_comes_back",  # R6, A: 4.3.123
        "unservable_assets",  # R8, B
        "network_user_ids",  # R10, A
        "loading_after_restart",  # R11, A: 4.3.8
        "sender_names_are_ids",  # R12, A
        "gif_withdrawn",  # R13, B
        "read_only_chat",  # R15, B: 4.3.123
        "mentions_null",  # R17, A
        "setup_initializing",  # R19, A
        "drafts_html",  # an independent client
    },
    # All measured at git bfd3f72.
    "easymatrix": {
        "existing_chat_drops_text",  # R1
        "titles_trimmed",  # R21
        "new_chat_not_found",  # R22
        "new_chat_without_members",  # R22
        "pending_id_useless",  # R23
        "unconfirmed_hidden",  # R24
        "file_name_as_text",  # R24, R31
        "plain_text",  # R24
        "formatting_rewritten",  # R24
        "event_sort_keys_missing",  # R25
        "edits_without_time",  # R26
        "rows_never_unread",  # R27
        "empty_values",  # R28
        "missing_routes_405",  # R28
        "lost_at_stop",  # R29
        "abandoned_chat",  # R30
        "invitation",  # R33
        "unknown_users_accepted",  # R33
        "similar_people_accepted",
        "homeservers_ignored",
        "slash_commands",
        "handles_only_in_contacts",
    },
}
"""Traits that real servers of a profile were seen to have; `realistic` adds them.

A: several sources, or one that agrees with Beeper's wording. B: one live source. Tests
add temporary states and account-specific traits themselves (log-out, a hanging network,
failing contact lists, ids as user names).
"""

EASYMATRIX_MEASURED = "easymatrix-0.3.0"
"""EasyMatrix as measured, with its traits. No list of profiles in the tests has it."""
SEEN_TRAITS[EASYMATRIX_MEASURED] = SEEN_TRAITS["easymatrix"]
PROFILES[EASYMATRIX_MEASURED] = replace(
    PROFILES["easymatrix"], traits=SEEN_TRAITS["easymatrix"]
)
