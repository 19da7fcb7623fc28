"""The suite of a virus scanning service: is it up, is its database current, does it find what it must, how fast."""
