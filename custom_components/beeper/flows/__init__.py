"""Forms: the connection and options of a server, added chats, shortcuts."""
