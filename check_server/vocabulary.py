"""Fixed lists of everything that may appear in a report as it was received.

Whatever a server answers and these lists do not contain is masked.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEYS = _words(
    """
    acceptWithButton acceptWithMessage accountID accountIDs accounts active
    activeAccountCount address allowed allowedReactions any_phone app appState arch
    archive attachments aud audioDurationSeconds authorization_endpoint avatar ban
    base_url bold bridge bundle_id cannotMessage capabilities caption chatID chatIDs
    chats client client_id code code_challenge_methods_supported connected contact_list
    count create_dm crossSigning customEmojiReactions default defaultChatID delete
    deleteChat deleteChatForEveryone deleteForMe deleteMaxAge deliveredToUsers
    description details deviceID direction disappearingTimer dismissOnIncomingMessage
    displayName draft duration e2ee edit editedTimestamp editMaxAge editMaxCount email
    emoji endpoints engine entries error error_description exp expires_in favicon file
    fileName filePath fileSize firstSyncDone formatting fullName grant_types_supported
    group group_creation hasBackedUpRecoveryKey hasMore height homeserver hostname iat
    id ids image img imgSize imgURL in_groups info initialized inline_code inlineCode
    internalError introspection_endpoint invite isAdmin isArchived isDeleted isGif
    isHidden isLowPriority isMarkedUnread isMuted isNetworkBot isPending isPinned
    isReadOnly iss isSelf isSender isSticker issuer issues isUnread isVoiceNote italic
    items jti keyBackup kick labels language lastActivity lastReadMessageSortKey leave
    level limits link linkedMessageID links localChatID locationMessage loginID
    lookup_email lookup_phone lookup_username markAsUnread masterKey matrix max_length
    maxCaptionLength maxDuration maxHeight maxSize maxTextLength maxWidth mcp
    mcp_enabled megolmBackupKey mentions merge mergedIntoChatID message
    messageExpirySeconds messageID messageRequest messages mimeType mimeTypes min_length
    name nbf network newestCursor oauth oldestCursor omitEmptyTimer openapi originalURL
    os participantActions participantID participants path pendingMessageID phoneNumber
    platform poll port posterImg preview provider reaction reactionCount reactionKey
    reactions readReceipts reason recoveryKey registration_endpoint release remindAt
    remindAtMs reminder remote_access reply requestID required resolve_identifier
    response_types_supported results revocation_endpoint revokeInvite scope
    scopes_supported search secrets secretStorage seen selfSigningKey senderID
    senderName sendStatus seq server service_documentation size snooze snoozeUntil
    snoozeUntilMs sortKey spec srcURL state status statusText stickerID sub success
    summary supportsMultipleAccounts text thread timers timestamp title token_endpoint
    token_endpoint_auth_methods_supported token_type token_use total transactionID
    transcription ts type type_description types typingNotifications unreadCount
    unreadMentionsCount uploadID url user userID userinfo_endpoint username userSignedAt
    userSigningKey userSnoozedAt verification verified version video viewOnce width
    ws_events
    """
)
"""Documented keys. The keys of any other entry could be ids or names: masked."""

NETWORKS = {
    "beeper": "Beeper",
    "bluesky": "Bluesky",
    "discord": "Discord",
    "facebook": "Facebook",
    "gmessages": "Google Messages",
    "googlechat": "Google Chat",
    "googlevoice": "Google Voice",
    "gvoice": "Google Voice",
    "hungryserv": "Beeper (Matrix)",
    "imessage": "iMessage",
    "instagram": "Instagram",
    "irc": "IRC",
    "line": "LINE",
    "linkedin": "LinkedIn",
    "matrix": "Matrix",
    "messenger": "Messenger",
    "signal": "Signal",
    "slack": "Slack",
    "sms": "SMS",
    "telegram": "Telegram",
    "twitter": "Twitter",
    "whatsapp": "WhatsApp",
    "x": "X",
}
_NETWORK_IDS = frozenset(
    {*NETWORKS, "discordgo", "facebookgo", "instagramgo", "slackgo", "local-whatsapp"}
)

WORDS = _NETWORK_IDS | _words(
    "asset ba beeper bridgev2 com go imsg lid local localhost localmxc mxc pending sh "
    "thread"
)
"""Parts of ids that name a network or a kind of id. They stay legible in masks."""

SCHEMES = frozenset(
    {"asset", "data", "file", "http", "https", "localmxc", "mxc", "ws", "wss"}
)

ENUMS: dict[str, frozenset[str]] = {
    "arch": frozenset({"amd64", "arm", "arm64", "ia32", "x64", "x86_64"}),
    "bundle_id": frozenset(
        {
            "com.automattic.beeper.desktop",
            "com.automattic.beeper.server",
            "com.beeper.desktop",
            "com.beeper.server",
        }
    ),
    "code": frozenset(
        {
            "BAD_GATEWAY",
            "BRIDGE_ERROR",
            "CONFLICT",
            "FORBIDDEN",
            "INTERNAL_ERROR",
            "INVALID_COMMAND",
            "INVALID_PAYLOAD",
            "NOT_FOUND",
            "NOT_IMPLEMENTED",
            "NOT_SUBSCRIBED",
            "RATE_LIMITED",
            "TOOL_EXECUTION_ERROR",
            "UNAUTHORIZED",
            "VALIDATION_ERROR",
            "custom",
            "forbidden",
            "invalid_enum_value",
            "invalid_json",
            "invalid_string",
            "invalid_type",
            "too_big",
            "too_small",
            "unauthorized",
            "unrecognized_keys",
        }
    ),
    "code_challenge_methods_supported": frozenset({"S256", "plain"}),
    "error": frozenset(
        {"invalid_client", "invalid_grant", "invalid_request", "invalid_token"}
    ),
    "grant_types_supported": frozenset({"authorization_code", "refresh_token"}),
    "mentions": frozenset({"@room"}),
    "message": frozenset(
        {
            "Account not found",
            "Bridge not found",
            "Chat not found",
            "Invalid input",
            "Message not found",
            "Required",
            "The bridge is not connected",
            "Unauthorized: Invalid or missing token",
            "User not found",
        }
    ),
    "mimeType": frozenset(
        {
            "application/octet-stream",
            "application/pdf",
            "audio/mp4",
            "audio/mpeg",
            "audio/ogg",
            "image/gif",
            "image/heic",
            "image/jpeg",
            "image/png",
            "image/webp",
            "text/plain",
            "video/mp4",
            "video/quicktime",
            "video/webm",
        }
    ),
    "name": frozenset({"Beeper", "EasyMatrix"}),
    "network": frozenset({*NETWORKS.values(), "bridgev2", "Beeper (Matrix)"}),
    "os": frozenset({"darwin", "linux", "win32", "windows"}),
    "path": KEYS | {"body", "params", "query"},
    "provider": frozenset({"cloud", "local", "platform-sdk", "self-hosted"}),
    "response_types_supported": frozenset({"code"}),
    "scope": frozenset({"read", "write", "read write", "write read"}),
    "scopes_supported": frozenset({"read", "write"}),
    "state": frozenset(
        {
            "initializing",
            "needs-cross-signing-setup",
            "needs-first-sync",
            "needs-login",
            "needs-secrets",
            "needs-verification",
            "ready",
        }
    ),
    "status": frozenset(
        {
            "FAIL_PERMANENT",
            "FAIL_RETRIABLE",
            "PENDING",
            "SUCCESS",
            "attention_required",
            "available",
            "backfilling",
            "connected",
            "connecting",
            "connection_required",
            "created",
            "disabled",
            "disconnected",
            "existing",
            "limit_reached",
            "not_ready",
            "ready",
            "reconnect_required",
            "running",
            "temporarily_unavailable",
        }
    ),
    "token_endpoint_auth_methods_supported": frozenset({"none"}),
    "token_type": frozenset({"Bearer", "bearer"}),
    "token_use": frozenset({"access"}),
    "type": frozenset(
        {
            "AUDIO",
            "FILE",
            "IMAGE",
            "LOCATION",
            "NOTICE",
            "REACTION",
            "STICKER",
            "TEXT",
            "VIDEO",
            "VOICE",
            "app.state.updated",
            "audio",
            "chat.deleted",
            "chat.upserted",
            "error",
            "file",
            "gif",
            "group",
            "image",
            "img",
            "message.deleted",
            "message.upserted",
            "ready",
            "recorded_audio",
            "single",
            "sticker",
            "subscriptions.updated",
            "unknown",
            "video",
            "voice-note",
        }
    )
    | _NETWORK_IDS,
    "types": frozenset({"afterRead", "afterReadByRecipient", "afterSend"}),
}
"""Documented values, by key. The same text under another key is masked."""

OPEN_ENUMS = frozenset({"message", "mentions", "name", "path", "scope", "error"})
"""Keys of `ENUMS` that also hold free text, so other values are expected."""

ID_KEYS = _words(
    """
    accountID chatID chatIDs client_id defaultChatID deviceID id ids
    lastReadMessageSortKey linkedMessageID localChatID loginID mergedIntoChatID
    messageID newestCursor oldestCursor participantID pendingMessageID senderID sortKey
    sub transactionID uploadID userID
    """
)
"""Keys whose values are reported by their form, letters and digits masked."""

HEADERS = _words(
    """
    accept-ranges access-control-allow-credentials access-control-allow-headers
    access-control-allow-methods access-control-allow-origin
    access-control-expose-headers allow cache-control connection content-disposition
    content-encoding content-length content-range content-security-policy content-type
    date etag expires keep-alive last-modified location retry-after retry-after-ms
    server set-cookie strict-transport-security transfer-encoding upgrade vary via
    www-authenticate x-beeper-desktop-version x-content-type-options x-powered-by
    x-request-id
    """
)
"""Names of headers that are reported. Others are counted."""

TRANSPORT_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "transfer-encoding",
    }
)
"""Headers that depend on the web server and the network, not on the API."""

MEDIA_TYPES = ENUMS["mimeType"] | {
    "application/json",
    "application/problem+json",
    "text/html",
}
"""Values of Content-Type that are reported, without their parameters."""

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
