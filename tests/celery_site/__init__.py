"""What a site needs for delivery by Celery, as docs/how-to/celery.md shows it."""
