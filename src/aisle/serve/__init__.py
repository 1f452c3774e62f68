"""The engine as a service: HTTP, the seller page, the moderator page."""
