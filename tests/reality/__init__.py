"""Behaviour of real servers that differs from the documentation."""
