"""Requests to Beeper that reach people, and their outcomes."""
