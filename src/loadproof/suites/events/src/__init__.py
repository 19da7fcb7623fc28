"""The platform's project folder, where ``manage.py`` lives."""
