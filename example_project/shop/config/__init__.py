"""From the text of one environment variable to Django's settings. Parsers raise ``ValueError`` with one sentence."""
