"""What sites test with: ``django_shopcore.testing``."""
