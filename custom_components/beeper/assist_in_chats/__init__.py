"""Assist in chats: the messages that it hears, and its answers."""
