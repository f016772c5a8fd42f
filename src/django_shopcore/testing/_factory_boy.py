"""The package that makes factories, or what to install."""

try:
    import factory
    from factory.django import DjangoModelFactory
except ImportError as exc:
    raise ImportError('Factories need factory-boy: pip install "django-shopcore[testing]"') from exc

__all__ = ["DjangoModelFactory", "factory"]
