from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "tests.projects.store"
    label = "store"
