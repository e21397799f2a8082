"""Every operation, as one table."""

from simulator.call import Route

from . import accounts, assets, chats, info, messages

ROUTES: list[Route] = [
    *info.ROUTES,
    *accounts.ROUTES,
    *chats.ROUTES,
    *messages.ROUTES,
    *assets.ROUTES,
]
