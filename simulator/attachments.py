"""Attachments of own messages, as servers return them."""

from .model import Asset, Json

_SHOWN_TYPES = {
    "image": "img",
    "gif": "img",
    "sticker": "img",
    "video": "video",
    "audio": "audio",
    "voice-note": "audio",
}


def sent_attachment(upload: Asset, wanted: Json) -> Json:
    """Return the message type and the attachment for a send request's attachment.

    Requests and messages use different names for the types.
    """
    mime = wanted.get("mimeType", upload.mime_type)
    kind = wanted.get("type") or mime.partition("/")[0]
    if kind == "voiceNote":  # As it was called before 4.2.808.
        kind = "voice-note"
    return {
        "type": {"gif": "IMAGE", "voice-note": "VOICE"}.get(
            kind, kind.upper() if kind in _SHOWN_TYPES else "FILE"
        ),
        "attachment": {
            "type": _SHOWN_TYPES.get(kind, "unknown"),
            "id": upload.url,
            "srcURL": upload.path,
            "mimeType": mime,
            "fileName": wanted.get("fileName", upload.file_name),
            "fileSize": len(upload.data),
            "isGif": kind == "gif",
            "isSticker": kind == "sticker",
            "isVoiceNote": kind == "voice-note",
            **{key: wanted[key] for key in ("size", "duration") if key in wanted},
        },
    }
