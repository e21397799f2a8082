"""Sample data: eight accounts, fifteen contacts, ten chats.

Phone numbers are from the 555-01 range reserved for fiction.
"""

from datetime import timedelta
from itertools import count

from .model import Account, Asset, Chat, Person
from .people import participant, person_id
from .text import iso
from .world import World

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)


def sample_world(chats: int | None = None) -> World:
    """Return the sample world with at least `chats` chats."""
    world = World()
    _accounts(world)
    _people(world)
    _chats(world)
    _bulk(world, (chats or 0) - len(world.chats))
    return world


def _accounts(world: World) -> None:
    for account in (
        Account(
            id="matrix",
            network="Beeper",
            bridge=("matrix", "matrix", "cloud"),
            user=Person(id="@me:beeper.com", username="me"),
        ),
        Account(
            id="whatsapp",
            network="WhatsApp",
            bridge=("whatsapp", "whatsapp", "cloud"),
            phones=True,
            login_id="15550100001",
            user=Person(
                id="@whatsapp_15550100001:beeper.com", phone_number="+15550100001"
            ),
        ),
        Account(
            id="telegram",
            network="Telegram",
            bridge=("telegram", "telegram", "cloud"),
            phones=True,
            login_id="7001",
            user=Person(
                id="@telegram_7001:beeper.com",
                username="sample_me",
                phone_number="+15550100001",
            ),
        ),
        Account(
            id="signal",
            network="Signal",
            bridge=("signal", "signal", "cloud"),
            phones=True,
            status="reconnect_required",
            status_text="Signed out on the phone",
            delivery="FAIL_RETRIABLE",
            user=Person(
                id="@signal_15550100001:beeper.com", phone_number="+15550100001"
            ),
        ),
        Account(
            id="instagramgo",
            network="Instagram",
            bridge=("instagramgo", "instagram", "cloud"),
            marks_own=False,
            user=Person(id="@instagram_9001:beeper.com", username="sample.me"),
        ),
        Account(
            id="slackgo.TEAM-USER",
            network="Slack",
            bridge=("slackgo", "slack", "cloud"),
            user=Person(
                id="@slack_team-user:beeper.com", username="me", email="me@work.example"
            ),
        ),
        Account(
            id="local-whatsapp_ba_Sample",
            network="WhatsApp",
            bridge=("local-whatsapp", "whatsapp", "local"),
            phones=True,
            user=Person(
                id="@15550100009:local-whatsapp.localhost", phone_number="+15550100009"
            ),
        ),
        Account(
            id="imessage",
            network="iMessage",
            bridge=("imessage", "imessage", "platform-sdk"),
            phones=True,
            listed=False,
            emits_events=False,
            user=Person(
                id="imsg##me", phone_number="+15550100001", email="me@mail.example"
            ),
        ),
    ):
        account.user.is_self = True
        account.user.full_name = "Sam Sample"
        account.unregistered.add("+15550109999")
        world.accounts[account.id] = account


def _people(world: World) -> None:
    contacts = {
        "whatsapp": [
            Person(id="15550101002", full_name="Kim", phone_number="+15550101002"),
            Person(
                id="15550101003", full_name="Alex Rivera", phone_number="+15550101003"
            ),
            Person(id="15550101004", full_name="Mia 🌻", phone_number="+15550101004"),
            Person(id="15550101005", phone_number="+15550101005"),
            Person(
                id="15550101006",
                full_name="Parcel Service",
                phone_number="+15550101006",
                cannot_message=True,
            ),
        ],
        "telegram": [
            Person(id="7002", full_name="Alex Rivera", username="alex_r"),
            Person(
                id="7003",
                full_name="נועה לוי",
                username="noa",
                phone_number="+15550102003",
            ),
        ],
        "signal": [
            Person(
                id="15550103001", full_name="Jordan Lee", phone_number="+15550103001"
            ),
        ],
        "instagramgo": [Person(id="9002", full_name="Lena Park", username="lena.park")],
        "slackgo.TEAM-USER": [
            Person(
                id="team-dana",
                full_name="Dana Cole",
                username="dana",
                email="dana@work.example",
            ),
            Person(
                id="team-ravi",
                full_name="Ravi Shah",
                username="ravi",
                email="ravi@work.example",
            ),
        ],
        "matrix": [
            Person(id="@a:beeper.com", full_name="Ana Beeper", username="a"),
            Person(id="@b:beeper.com", full_name="Ben Beeper", username="b"),
        ],
        "local-whatsapp_ba_Sample": [
            Person(id="15550101002", full_name="Kim", phone_number="+15550101002")
        ],
        "imessage": [
            Person(
                id="imsg##+15550104001",
                full_name="Grandma",
                phone_number="+15550104001",
            )
        ],
    }
    for account_id, people in contacts.items():
        account = world.accounts[account_id]
        for person in people:
            if not person.id.startswith(("@", "imsg")):
                person.id = person_id(account, person.id)
            account.contacts[person.id] = person


def _chats(world: World) -> None:
    minutes = count(5, 35)

    def talk(
        account_id: str,
        names: list[str],
        lines: list[tuple[str, str]],
        *,
        chat_id: str,
        title: str | None = None,
    ) -> Chat:
        """Add a chat with messages as (contact, text); "" is the user."""
        account = world.accounts[account_id]
        people = [participant(account, name) for name in names]
        newest = world.now() - timedelta(minutes=next(minutes))
        chat = world.add_chat(
            account,
            people,
            kind="group" if title else "single",
            title=title,
            chat_id=chat_id,
            when=newest - timedelta(days=1),
        )
        for age, (name, text) in zip(range(len(lines), 0, -1), lines, strict=True):
            sender = participant(account, name) if name else account.user
            world.incoming(
                chat, sender, text, when=newest - timedelta(minutes=2 * (age - 1))
            )
        world.mark_read(chat, None)
        return chat

    talk(
        "whatsapp",
        ["15550101002"],
        [
            ("", "Dinner on Friday?"),
            ("15550101002", "Yes! At seven?"),
            ("", "Perfect, see you then"),
        ],
        chat_id="!NCdzlIaMjZUmvmvyHU:beeper.com",
    )
    family = talk(
        "whatsapp",
        ["15550101002", "15550101004", "15550101005"],
        [
            ("15550101004", "Who brings the cake? 🎂"),
            ("", "I do"),
            ("15550101005", "Great"),
        ],
        chat_id="!fAmiLyGroUp:beeper.com",
        title="Family 🏡",
    )
    talk(
        "whatsapp",
        ["15550101003"],
        [("15550101003", "Could you send me the photos?")],
        chat_id="!aLexWhAtsApp:beeper.com",
    )
    talk(
        "telegram",
        ["7002"],
        [("7002", "The train is late, start without me"), ("", "ok")],
        chat_id="!aLexTeLegram:beeper.com",
    )
    talk(
        "telegram",
        ["7003"],
        [("7003", "שלום! מה שלומך?"), ("", "טוב, תודה")],
        chat_id="!nOaTeLegram:beeper.com",
    )
    talk(
        "signal",
        ["15550103001"],
        [("15550103001", "Call me when you can")],
        chat_id="!jOrdanSignaL:beeper.com",
    )
    talk(
        "instagramgo",
        ["9002"],
        [("9002", "Love the new pictures"), ("", "Thank you!")],
        chat_id="!lEnaInsta:beeper.com",
    )
    team = talk(
        "slackgo.TEAM-USER",
        ["dana", "ravi"],
        [("dana", "Stand-up moved to ten"), ("ravi", "👍"), ("", "Noted")],
        chat_id="!tEamSlack:beeper.com",
        title="Team",
    )
    talk(
        "local-whatsapp_ba_Sample",
        ["15550101002"],
        [("15550101002", "This is my second number")],
        chat_id="!whatsapp_15550101002:ba_Sample.local-whatsapp.localhost",
    )
    talk(
        "imessage",
        ["+15550104001"],
        [("+15550104001", "Happy birthday <3 & all the best")],
        chat_id="imsg##thread:15550104001",
    )

    family.is_pinned, family.labels = True, ["home"]
    team.is_muted = True
    world.labels.update({"home": "Home", "work": "Work"})
    _decorate(world, family)


def _decorate(world: World, family: Chat) -> None:
    """Add a picture, a reaction, mentions and read receipts to a group."""
    kim, mia = family.participants[:2]
    now = family.last_activity
    photo = Asset(
        url="mxc://beeper.local/cake",
        path="file:///Users/sample/Beeper/media/cake.png",
        data=_PNG,
        mime_type="image/png",
        file_name="cake.png",
    )
    world.assets[photo.url] = photo
    picture = world.incoming(family, kim, "", when=now)
    picture.type = "IMAGE"
    picture.attachments = [
        {
            "type": "img",
            "id": photo.url,
            "srcURL": photo.path,
            "mimeType": photo.mime_type,
            "fileName": photo.file_name,
            "fileSize": len(photo.data),
            "size": {"width": 1, "height": 1},
        }
    ]
    world.react(family, picture, mia, "❤️")
    # Newer servers also list a reaction as a separate row.
    row = world.incoming(family, mia, "{{sender}} reacted ❤️", when=now)
    row.type, row.is_hidden, row.linked_message_id = "REACTION", True, picture.id
    own = family.messages[1]
    own.extra = {"seen": {kim.id: iso(now)}, "mentions": [kim.id], "links": []}
    world.mark_read(family, None)
    world.incoming(family, kim, "See you all on Sunday", when=now)


def _bulk(world: World, number: int) -> None:
    """Add contacts, each with a chat of one message, a minute apart and older than the rest."""
    account = world.accounts["whatsapp"]
    start = world.now() - timedelta(days=2)
    for index in range(max(number, 0)):
        phone = f"+1555{2_000_000 + index}"
        person = Person(
            id=person_id(account, phone.removeprefix("+")),
            full_name=f"Contact {index:05}",
            phone_number=phone,
        )
        account.contacts[person.id] = person
        when = start - timedelta(minutes=index)
        chat = world.add_chat(
            account, [person], chat_id=f"!bulk{index:05}:beeper.com", when=when
        )
        world.incoming(chat, person, f"Hello from contact {index:05}", when=when)
