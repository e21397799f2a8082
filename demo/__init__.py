"""The demo: chats and messages in a real Home Assistant. scripts/demo runs it."""

import signal

# Until there is something to stop, Ctrl-C just ends it; Home Assistant's modules take a
# second to load.
signal.signal(signal.SIGINT, signal.SIG_DFL)
