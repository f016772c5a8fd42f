from django.contrib.admin.apps import AdminConfig


class MembersAdminConfig(AdminConfig):
    default = False
    default_site = "tests.projects.members.sites.MembersAdminSite"
