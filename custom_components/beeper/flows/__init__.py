"""Forms for added chats and shortcuts."""
