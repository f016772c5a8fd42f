"""E-commerce backend for Django sites: catalogue and accounts over REST."""

__version__ = "0.1.0"
