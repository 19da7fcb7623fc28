"""What the eight kinds of users do."""
