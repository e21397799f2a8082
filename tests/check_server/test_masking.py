"""Values become forms; only documented values stay."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from check_server.masking import form_of, mask, mask_key, version
from check_server.vocabulary import WORDS


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("!NCdzlIaMjZUmvmvyHU:beeper.com", "!aaa:beeper.com"),
        ("@whatsapp_15550101002:beeper.com", "@whatsapp_nnn:beeper.com"),
        ("@whatsapp_lid-123:beeper.local", "@whatsapp_lid-nnn:beeper.local"),
        ("sh-email_email:me@example.com", "sh-aaa_aaa:aa@aaa.com"),
        ("slackgo.T0-U0", "slackgo.xx-xx"),
        ("488", "nnn"),
        ("12", "nn"),
        ("Zoë 🌻", "aaa *"),
        ("-----", "-"),
        ("$Zm9v-YmFy_YmF6cXV4ZXM", "$aaa"),
        ("!Zm9v-YmFy_YmF6cXV4ZXM:beeper.com", "!aaa:beeper.com"),
        ("!whatsapp_15550101002:ba_Ab.localhost", "!whatsapp_nnn:ba_aa.localhost"),
        ("a.b.c.d.e.f.g.h.i.j", "a.a.a.a.a.a.a.a.…"),
    ],
)
def test_mask(text: str, form: str) -> None:
    assert mask(text) == form


@given(st.text())
def test_masks_have_no_character_of_the_text_but_symbols(text: str) -> None:
    unmasked = mask(text)
    for word in sorted(WORDS, key=len, reverse=True):
        unmasked = unmasked.replace(word, "")
    assert set(unmasked) <= set("anx*…@:_-./+#!~=$ ")
    assert len(mask(text)) <= 16 * max(map(len, WORDS)) + 1


@pytest.mark.parametrize(
    ("key", "value", "form"),
    [
        ("status", "connected", 'value "connected"'),
        ("status", "very_odd", "undocumented value `aaa_aaa`"),
        ("title", "connected", "text"),
        ("name", "Beeper", 'value "Beeper"'),
        ("name", "Kim", "text"),
        ("version", "4.3.123", "version 4.3.123"),
        ("version", "192.168.1.10", "text"),
        ("version", "4.3.123-beta", "text"),
        ("title", "4.3.123", "text"),
        ("text", "", "empty string"),
        ("text", "<b>hi</b>", "text with HTML"),
        ("text", "1 &lt; 2", "text with entities"),
        ("text", "{{sender}} reacted", "text with {{sender}}"),
        ("senderName", "@whatsapp_lid-1:beeper.local", "text like a user id"),
        ("phoneNumber", "+15550101002", "digits after a plus"),
        ("phoneNumber", "15550101002", "digits"),
        ("timestamp", "2026-11-28T23:40:42.123Z", "date-time (UTC)"),
        ("timestamp", "2026-11-28T23:40:42+01:00", "date-time (with offset)"),
        ("timestamp", "2026-11-28T23:40:42", "date-time (without zone)"),
        ("srcURL", "mxc://beeper.local/cake", "mxc URL"),
        ("srcURL", "asset://account/0f", "asset URL"),
        ("srcURL", "secret://account/0f", "text"),
        ("srcURL", "/Users/kim/Library/Messages/a.png", "path"),
        ("sortKey", 5, "integer"),
        ("sortKey", "-1", "id `-n`"),
        ("ts", 1739320000000, "integer (time in ms)"),
        ("iat", 1767225600, "integer (time in s)"),
        ("unreadCount", -1, "integer (negative)"),
        ("size", 1.5, "number"),
        ("isMuted", True, "boolean true"),
        ("draft", None, "null"),
        ("items", [], "array (empty)"),
        ("items", [1], "array"),
        ("seen", {}, "object (empty)"),
    ],
)
def test_form(key: str, value: Any, form: str) -> None:
    assert str(form_of(key, value)) == form


def test_only_documented_keys_stay() -> None:
    assert mask_key("accountID") == "accountID"
    assert mask_key("@kim:beeper.com") == "<@aaa:beeper.com>"


@pytest.mark.parametrize("text", ["4.3.123", "0.3.0", "4.1.294"])
def test_version(text: str) -> None:
    assert version(text) == text


@pytest.mark.parametrize("text", ["4.3", "555.010.1002", "4.3.123 ", "٤.٣.١", ""])
def test_other_texts_are_not_versions(text: str) -> None:
    assert version(text) is None
