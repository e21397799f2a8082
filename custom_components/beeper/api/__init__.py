"""A client for the Beeper API: no Home Assistant in it, only aiohttp and yarl."""
