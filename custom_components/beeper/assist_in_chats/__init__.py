"""Assist in Beeper: answers the people who write to it in a chat."""
