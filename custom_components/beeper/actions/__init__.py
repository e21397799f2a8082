"""The actions: schema, handler and response of each."""
