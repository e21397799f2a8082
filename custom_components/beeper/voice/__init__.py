"""Beeper in Assist: sentences and language models that send and read messages."""
