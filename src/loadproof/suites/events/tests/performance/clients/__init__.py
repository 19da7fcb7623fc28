"""What users talk with: the platform's API, and the inbox that its mails go to."""
