"""Matching of names, numbers, handles, titles and IDs against candidates.

Pure: nothing here reads from a server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from ..api.models import LONG_AGO, ListedChat, User
from ..api.phone_numbers import is_digits, is_e164, is_same_number
from ..api.user_ids import is_email, is_matrix_id, normalise_email, normalise_username
from .candidates import Candidate, group_by_person
from .names import Name, without_spaces


class Rank(IntEnum):
    """How well a text matches, best first. Below WORDS nobody is selected."""

    IDENTITY = 0
    """An ID, phone number, email address or @handle: unique on a network."""
    EXACT = 1
    """A whole name, title or handle."""
    CHAT_NUMBER = 2
    """The number of a chat."""
    WORDS = 3
    """Whole words of a name or title."""
    PREFIX = 4
    CONTAINS = 5
    LOOSE = 6
    """A part of a phone number, handle or email address, or a title that is one."""

    @property
    def selects(self) -> bool:
        """Whether the match is good enough to write to somebody."""
        return self <= Rank.WORDS


@dataclass(kw_only=True, repr=False, eq=False)
class SearchResult:
    """Matches, best first; `not_searched` lists accounts that returned an error."""

    matches: tuple[tuple[Rank, Candidate], ...]
    not_searched: tuple[str, ...]


@dataclass(kw_only=True, repr=False, eq=False)
class NameQuery:
    """A text to match. A phone number, email or @handle is never taken for a name.

    `is_title`: a text such as 24.12.2026 or @home can be the title of a group, but not
    the name of a person.
    """

    text: str
    spoken: bool
    name: Name
    number: str | None
    email: str | None
    handle: str | None
    is_title: bool

    @classmethod
    def from_text(cls, text: str, *, spoken: bool = False) -> NameQuery:
        """Classify a text; `spoken` also ignores punctuation."""
        return cls(
            text=text,
            spoken=spoken,
            name=Name.from_text(text, spoken=spoken),
            number=text if is_e164(text) else None,
            email=normalise_email(text) if is_email(text) else None,
            handle=normalise_username(text) if text.startswith("@") else None,
            is_title=(text.startswith("@") and ":" not in text)
            or (is_digits(text) and not is_e164(text)),
        )

    @property
    def is_handle(self) -> bool:
        """Whether this is a @handle, and not a whole Matrix ID."""
        return self.handle is not None and not is_matrix_id(self.text)

    def rank(self, candidate: Candidate) -> Rank | None:
        """Return how well a candidate matches, None for not at all."""
        users, chat = candidate.users, candidate.chat
        if (chat and self.text == chat.id) or any(
            self._identifies(user, candidate.id_scheme) for user in users
        ):
            return Rank.IDENTITY
        if (own := self._rank_own(candidate)) is not None:
            return own
        if not self.name.folded:
            return None
        if is_identity(self.text) and not self.is_title:
            # It is shown, and not written to: anybody can title a group like a number.
            return Rank.LOOSE if chat and self._is_title_of(chat) else None
        if self.is_title:
            return self._rank_title(candidate)
        if any(
            self.text == user.id or (user.username and self._is_username(user.username))
            for user in users
        ):
            return Rank.EXACT
        # Usually a chat has the name of its person: prepare it only once, it is slow.
        texts = {user.full_name for user in users} | {chat.title if chat else None}
        ranks = [self._rank_name(text) for text in texts if text]
        rank = min((rank for rank in ranks if rank is not None), default=None)
        # A chat that everybody else has left is often named after them.
        if candidate.is_deserted and rank not in (None, Rank.EXACT):
            rank = Rank.LOOSE
        # A title can be a number as well.
        if rank is not Rank.EXACT and chat and self.text == chat.local_id:
            return Rank.CHAT_NUMBER
        return rank if rank is not None else self._rank_handles(users)

    def _rank_own(self, candidate: Candidate) -> Rank | None:
        """Return how well the user's own number or name matches."""
        for user in candidate.own:
            if self._identifies(user, candidate.id_scheme):
                return Rank.IDENTITY
            if self.is_named(user):
                return Rank.EXACT
        return None

    def is_named(self, user: User) -> bool:
        """Return whether this is the whole name or handle of a user."""
        if is_identity(self.text) or self.is_title:
            return self._identifies(user, None)
        return any(
            self._rank_name(name) is Rank.EXACT
            for name in (user.full_name, user.username)
            if name
        )

    def _rank_title(self, candidate: Candidate) -> Rank | None:
        chat = candidate.chat
        if (
            chat
            and chat.type == "group"
            and chat.title
            and self._rank_name(chat.title) is Rank.EXACT
        ):
            return Rank.EXACT
        if self.handle is not None:
            return None
        return self._rank_handles(candidate.users)

    def _is_title_of(self, chat: ListedChat) -> bool:
        """Return whether a number, address or ID is the whole title of a chat."""
        title = chat.title or ""
        if self.number:
            digits = "".join(char for char in title if char.isdecimal())
            return is_digits(title) and f"+{digits}" == self.number
        return self._rank_name(title) is Rank.EXACT

    def _rank_handles(self, users: Iterable[User]) -> Rank | None:
        handles = (
            handle
            for user in users
            for handle in (user.username, user.phone_number, user.email)
            if handle
        )
        return (
            Rank.LOOSE
            if any(self.name.folded in without_spaces(handle) for handle in handles)
            else None
        )

    def _identifies(self, user: User, id_scheme: str | None) -> bool:
        if self.text == user.id:
            # An ID without a sign of one, such as "kim" or "5601", can be a name or the
            # number of a chat.
            return not {*":@#"}.isdisjoint(self.text)
        if self.number:
            number = user.known_number(id_scheme)
            return number is not None and is_same_number(number, self.number)
        if self.email:
            return normalise_email(user.email or "") == self.email
        return bool(
            self.handle is not None
            and user.username
            and normalise_username(user.username) == self.handle
        )

    def _is_username(self, username: str) -> bool:
        if self.spoken:
            return Name.from_text(username, spoken=True).exact == self.name.exact
        return normalise_username(username) == normalise_username(self.text)

    def _rank_name(self, text: str) -> Rank | None:
        name = Name.from_text(text, spoken=self.spoken)
        if name.exact == self.name.exact:
            return Rank.EXACT
        if name.has_words_of(self.name):
            return Rank.WORDS
        if name.folded.startswith(self.name.folded):
            return Rank.PREFIX
        return Rank.CONTAINS if self.name.folded in name.folded else None


def rank_candidates(
    candidates: Iterable[Candidate], query: NameQuery
) -> list[tuple[Rank, Candidate]]:
    """Return all matches, the best first, then the last active.

    Several chats with one person are one match, the latest of those that match best.
    """
    ranked = [
        (rank, candidate)
        for candidate in candidates
        if (rank := query.rank(candidate)) is not None
    ]
    ranked.sort(key=lambda match: match[1].last_activity or LONG_AGO, reverse=True)
    ranked.sort(key=lambda match: match[0])
    with_chat = [
        candidate for _, candidate in ranked if candidate.users and candidate.chat
    ]
    outranked = {
        id(candidate)
        for _, *others in group_by_person(with_chat)
        for candidate in others
    }
    return [match for match in ranked if id(match[1]) not in outranked]


def select_best(
    ranked: Iterable[tuple[Rank, Candidate]],
) -> list[Candidate]:
    """Return the matches of the best rank, none if that selects nobody.

    A chat's number and the same digits as somebody else's name are equally good: anybody
    can take them as a name.
    """
    ranked = list(ranked)
    if not ranked or not ranked[0][0].selects:
        return []
    best = {ranked[0][0]}
    if Rank.EXACT in best:
        best.add(Rank.CHAT_NUMBER)
    return [candidate for rank, candidate in ranked if rank in best]


def is_identity(text: str) -> bool:
    """Return whether a text is a @handle, a phone number or an email address."""
    return text.startswith("@") or is_e164(text) or is_email(text)
