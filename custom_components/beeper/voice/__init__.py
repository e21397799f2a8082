"""Spoken and written sentences, for Assist and language models."""
