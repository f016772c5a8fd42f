from django.apps import AppConfig


class MembersConfig(AppConfig):
    name = "tests.projects.members"
    label = "members"
