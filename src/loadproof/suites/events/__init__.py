"""The suite ``events``: people at an events platform, from sign-up to ticket, and the platform that they visit."""
