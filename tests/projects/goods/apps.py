from django.apps import AppConfig


class GoodsConfig(AppConfig):
    name = "tests.projects.goods"
    label = "goods"
