"""Tests of the forms for chats and shortcuts."""
