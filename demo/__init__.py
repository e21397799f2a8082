"""The demo: chats and messages in a real Home Assistant. scripts/demo runs it."""

import signal

# Home Assistant's modules take a second to load. Until then, Ctrl-C ends the program
# without cleanup.
signal.signal(signal.SIGINT, signal.SIG_DFL)
