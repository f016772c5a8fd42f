"""Input that means harm, sent to every operation of the OpenAPI schema; operations are found there, not listed here."""
