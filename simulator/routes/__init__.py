"""Every operation, as one table."""

from simulator.call import Route

from . import accounts, assets, chat_lists, chats, create, info, messages

ROUTES: list[Route] = [
    *info.ROUTES,
    *accounts.ROUTES,
    *chat_lists.ROUTES,
    *chats.ROUTES,
    *create.ROUTES,
    *messages.ROUTES,
    *assets.ROUTES,
]
