"""Values that must never be logged or shown."""

from tests.helpers.servers import TOKEN

SECRETS = [
    TOKEN,
    "5550107777",
    "Robin Sample",
    "The key is under the mat",
    "kim.secret",
]


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]
