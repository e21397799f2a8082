"""A client for the Beeper API, independent of Home Assistant."""
