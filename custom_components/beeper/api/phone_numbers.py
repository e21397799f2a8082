"""International phone numbers: the forms people write, and the forms networks know.

The country is never guessed, and a digit is never added, removed or replaced: what
cannot be read as exactly one number is refused.

The tables follow the national numbering plans that the ITU publishes for E.164.
"""

from collections.abc import Iterable
import re
from typing import Final, Literal
import unicodedata

type PhoneNumberProblem = Literal[
    "phone_invalid", "phone_no_country_code", "phone_trunk_zero"
]

MIN_PHONE_DIGITS: Final = 7

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")

_SCHEMES: Final = re.compile(
    r"(?:tel|sms|smsto|callto|whatsapp|signal|facetime|imessage):(?!//)", re.IGNORECASE
)
_MARK: Final = re.compile(
    r"(?:tel|sms|smsto|callto|whatsapp):|(?:https?://)?(?:www\.)?wa\.me/", re.IGNORECASE
)
_LINKS: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        r"(?:https?://)? (?:www\.)? wa\.me/ (?P<number>\+?\d+) /? (?:[?#].*)?",
        r"""(?: (?:https?://)? (?:(?:api|web|www)\.)? whatsapp\.com | whatsapp:/ ) /send/?
            \? (?:[^#]*&)? phone= (?P<number>(?:\+|%2b)?\d+) (?:[&#].*)?""",
        r"(?:https?://)? signal\.me/\#p/ (?P<number>\+\d+)",
    )
)
"""Links to chats; their numbers are international, with or without `+`."""

_NOTE: Final = re.compile(r"\([^()\d]*[^\W\d_][^()\d]*\)\s*$")
"""A note in brackets at the end, such as `(mobile)`: letters, and no digits."""

_BARE_NOTE: Final = re.compile(r"(?<=\d)[ ,;–-]+[^\W\d_]{3}[^\d+]*$")
_MIN_DIGITS_BEFORE_NOTE: Final = 10
"""With fewer digits, letters can be a part of the number: `+1 800 555 CALL`."""

_SLASH: Final = re.compile(
    r"^(\+(?:[^\d/]*\d){2,7}[^\d/]*)/(?=(?:[^\d/]*\d){5,}[^/]*$)"
)
"""A slash behind an area code; one further behind separates two numbers."""

_SEPARATORS: Final = frozenset(".·‧∙•⁃−\t\r\n\u115f\u1160\u3164\uffa0")
_PLUS: Final = {"\N{HEAVY PLUS SIGN}": "+"}
_IGNORED: Final = ("Zs", "Zl", "Zp", "Cf", "Pd", "Ps", "Pe")
"""Categories of characters without a meaning: spaces, invisible marks, dashes, brackets."""

_BRACKETED_ZERO: Final = re.compile(r"\(\s*0\s*\)")

_TWO_DIGIT_CODES: Final = re.compile(
    r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
)

_WITH_ZERO: Final = {
    # Italy and the Vatican: fixed lines. Excluded are the codes of mobile phones,
    # which have no zero.
    "39": r"0(?!3(?:2[05-9]|3[03-9]|[48][07-9]|6[016-8]|7[089]))[1-9]\d{4,10}",
    "225": r"0[157]\d{8}",  # Ivory Coast
    "229": r"01\d{8}",  # Benin
    "241": r"0[1-7]\d{6}",  # Gabon
    "242": r"0\d{8}",  # Congo
    "378": r"0549\d{6}",  # San Marino
    "379": r"06698\d{1,6}",  # Vatican
}
"""National numbers that begin with a zero, by country code. Elsewhere, a zero there is
dialled within the country only."""

_LENGTHS: Final = {"1": 10, "7": 10, "370": 8, "375": 9}
"""Digits of all national numbers, by country code: where a 1, 8 or 80 is dialled in front
of them within the country, or an extension is often written behind them."""

_EQUIVALENT: Final = (
    (re.compile(r"549(\d{10})"), r"54\1"),  # Argentina: the 9 of mobile phones
    (re.compile(r"521(\d{10})"), r"52\1"),  # Mexico: the 1 of mobile phones
    # Brazil: the 9 that mobile phones got in front of eight digits
    (re.compile(r"55([1-9]\d)9([6-9]\d{7})"), r"55\1\2"),
)
"""Two forms of one number: the network may know a person by either."""


class PhoneNumberError(ValueError):
    """A text is not an international phone number."""

    def __init__(self, problem: PhoneNumberProblem, country_code: str = "") -> None:
        """Store the problem; `country_code` has no `+`."""
        super().__init__(problem)
        self.problem: PhoneNumberProblem = problem
        self.country_code = country_code


def parse(text: str) -> str:
    """Return a number in E.164. Raises PhoneNumberError."""
    if is_e164(text):
        return _checked(text)
    for link in _LINKS:
        if match := link.fullmatch(_visible(text)):
            digits = re.sub(r"^(?:\+|%2b)", "", match["number"], flags=re.IGNORECASE)
            return _checked(f"+{digits}")
    number = _plain(text)
    if _BRACKETED_ZERO.search(number):
        digits = _digits(number)
        code = _country_code(digits)
        national = digits.removeprefix("+").removeprefix("00").removeprefix(code)
        # Where a zero can belong to the number, this one may or may not.
        raise PhoneNumberError(
            "phone_invalid" if _may_have_zero(code, national) else "phone_trunk_zero",
            code,
        )
    number = _digits(number)
    if number.startswith("00"):
        number = f"+{number[2:]}"
    return _checked(number)


def is_marked(text: str) -> bool:
    """Return whether a text is written as a phone number: with a `+` or as a link."""
    plain = "".join(_characters(text)).strip(" (")
    return (
        sum(char.isdigit() for char in plain) >= MIN_PHONE_DIGITS
        and plain.startswith(("+", "00"))
    ) or bool(_MARK.match(_visible(text)))


def is_digits(text: str) -> bool:
    """Return whether a text has the digits of a phone number, and no letters.

    It can also be a title, such as 24.12.2026, or the ID of a person on some networks.
    """
    digits = sum(char.isdigit() for char in text)
    return digits >= MIN_PHONE_DIGITS and not any(char.isalpha() for char in text)


def is_e164(text: str) -> bool:
    """Return whether a text is a phone number as `parse` returns it."""
    return bool(_E164.fullmatch(text))


def is_same_number(first: str, second: str) -> bool:
    """Compare E.164 numbers; some servers omit the plus sign.

    In some countries, networks know people by either of two forms of their number.
    """
    return canonical_number(first) == canonical_number(second)


def canonical_number(number: str) -> str:
    """Return the digits that all forms of a number share; only for comparison."""
    digits = number.removeprefix("+")
    for form, other in _EQUIVALENT:
        if match := form.fullmatch(digits):
            return match.expand(other)
    return digits


def _visible(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) != "Cf").strip()


def _plain(text: str) -> str:
    """Return a text with ASCII digits and brackets, without scheme and note."""
    plain = "".join(_characters(text)).strip()
    if match := _SCHEMES.match(plain):
        plain = plain[match.end() :].strip()
    while match := _NOTE.search(plain):
        plain = plain[: match.start()].rstrip()
    if (match := _BARE_NOTE.search(plain)) and (
        sum(char.isdigit() for char in plain) >= _MIN_DIGITS_BEFORE_NOTE
    ):
        plain = plain[: match.start()]
    return _SLASH.sub(r"\1 ", plain)


def _characters(text: str) -> Iterable[str]:
    for char in text:
        match unicodedata.category(char):
            case "Nd":
                yield str(unicodedata.decimal(char))
            case "Ps":
                yield "("
            case "Pe":
                yield ")"
            case "Cf" | "Mn" | "Me":
                continue
            case "So" if char != "\N{HEAVY PLUS SIGN}":  # such as a telephone
                continue
            case "No":  # A superscript is not a digit of the number.
                yield char
            case _:
                yield _PLUS.get(char) or unicodedata.normalize("NFKC", char)


def _digits(plain: str) -> str:
    return "".join(
        char
        for char in plain
        if char not in _SEPARATORS and unicodedata.category(char) not in _IGNORED
    )


def _checked(number: str) -> str:
    if number.isascii() and number.isdigit():
        raise PhoneNumberError("phone_no_country_code")
    if not _E164.fullmatch(number):
        raise PhoneNumberError("phone_invalid")
    code = _country_code(number)
    national = number[1 + len(code) :]
    if national.startswith("0") and not _may_have_zero(code, national):
        raise PhoneNumberError("phone_trunk_zero", code)
    if len(national) != _LENGTHS.get(code, len(national)):
        raise PhoneNumberError("phone_invalid")
    return number


def _may_have_zero(code: str, national: str) -> bool:
    return code in _WITH_ZERO and bool(re.fullmatch(_WITH_ZERO[code], national))


def readable(number: str) -> str:
    """Return an E.164 number with spaces, in groups of three digits."""
    code = _country_code(number)
    national = number[1 + len(code) :]
    groups = re.findall(r"\d{3}(?:\d(?!\d))?|\d+", national)
    return " ".join([f"+{code}", *groups])


def _country_code(number: str) -> str:
    digits = number.removeprefix("+").removeprefix("00")
    if digits[:1] in ("1", "7"):
        return digits[:1]
    return digits[:2] if _TWO_DIGIT_CODES.match(digits) else digits[:3]
