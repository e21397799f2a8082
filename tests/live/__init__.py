"""Tests against a server that this project did not write: EasyMatrix in front of a Matrix homeserver."""
