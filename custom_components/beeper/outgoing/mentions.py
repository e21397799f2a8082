"""The people that a message mentions: Beeper ignores everything but their IDs."""

from collections.abc import Iterable

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.folding import fold
from ..api.models import User
from ..api.phone_numbers import PhoneNumberError, is_same_number, parse
from ..api.user_ids import is_email, normalise_email, normalise_username

_EVERYBODY = "@room"


async def resolve_mentions(
    client: BeeperClient, chat_id: str, texts: Iterable[str], id_scheme: str | None
) -> tuple[str, ...]:
    """Return the IDs of people in a chat: each by ID, number, handle or whole name.

    Raises NotDoneError if a text does not match exactly one of them.
    """
    texts = [*texts]
    if all(map(_is_id, texts)):
        return tuple(texts)
    try:
        chat = await client.chat(chat_id)
    except BeeperError as err:
        raise errors.NotDoneError(errors.not_sent(err)) from None
    ids: list[str] = []
    for index, text in enumerate(texts):
        found = {
            user.id for user in chat.participants if _is_user(user, text, id_scheme)
        }
        if not found and _is_id(text):
            found = {text}  # A list of participants can be incomplete.
        if len(found) != 1:
            errors.refuse("mention_not_one", field=f"mentions.{index}")
        ids += found
    return tuple(dict.fromkeys(ids))


def _is_id(text: str) -> bool:
    return text == _EVERYBODY or (text.startswith("@") and ":" in text)


def _is_user(user: User, text: str, id_scheme: str | None) -> bool:
    if text == user.id:
        return True
    if text.startswith("@"):
        username = user.username or ""
        return username != "" and (
            normalise_username(username) == normalise_username(text)
        )
    # Anybody can take somebody else's number or address as their name.
    if stated := _number(text):
        number = user.known_number(id_scheme)
        return number is not None and is_same_number(number, stated)
    if is_email(text):
        return user.email is not None and (
            normalise_email(user.email) == normalise_email(text)
        )
    return user.full_name is not None and fold(text) == fold(user.full_name)


def _number(text: str) -> str | None:
    try:
        return parse(text)
    except PhoneNumberError:
        return None
