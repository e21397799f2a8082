"""Every operation, as one table."""

from simulator.call import Route

from . import accounts, assets, chats, create, info, messages

ROUTES: list[Route] = [
    *info.ROUTES,
    *accounts.ROUTES,
    *chats.ROUTES,
    *create.ROUTES,
    *messages.ROUTES,
    *assets.ROUTES,
]
