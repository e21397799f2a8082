"""Lookup of people and chats by name, number, handle or ID."""
