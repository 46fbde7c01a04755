"""The HTTP service of TelecomAI."""
