"""Asks the site as its visitors do, and prints the answers as JSON: those of its own pages, then those of ours."""

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "corner.settings")
django.setup()

from blog.models import Post  # noqa: E402
from django.apps import apps  # noqa: E402
from people.models import Member  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

SHOP = "/shop/backend/v7/"
SECRET = "correct horse battery staple"

ann, _ = Member.objects.get_or_create(handle="ann", defaults={"mail": "ann@corner.example", "is_staff": True})
Post.objects.get_or_create(title="Hello", author=ann)
visitor, owner = APIClient(), APIClient()
owner.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=ann)[0].key}")


def told(response):
    body = response.json() if "json" in response.get("Content-Type", "") else None
    return [response.status_code, response.get("Location"), body]


host = [
    told(owner.get("/blog/api/posts/")),
    told(visitor.get("/blog/api/posts/")),
    told(owner.get("/blog/api/posts/99/")),
    told(owner.post("/blog/api/posts/", {})),
    told(visitor.get("/admin/")),
]
ours = {}
if apps.is_installed("django_shopcore.accounts"):
    person = {"email": "bob@corner.example", "password": SECRET}
    ours["register"] = told(visitor.post(f"{SHOP}auth/register/", person))
    ours["login"] = told(visitor.post(f"{SHOP}auth/login/", person))
    bob = APIClient()
    bob.credentials(HTTP_AUTHORIZATION=f"Bearer {ours['login'][2]['access']}")
    ours["me"] = told(bob.get(f"{SHOP}auth/me/"))
    ours["blog with our token"] = told(bob.get("/blog/api/posts/"))
    ann.set_password(SECRET)
    ann.save()
    tokens = visitor.post(f"{SHOP}auth/login/", {"email": ann.mail, "password": SECRET}).json()
    owner.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
if apps.is_installed("django_shopcore.catalog"):
    ours["refused"] = told(visitor.post(f"{SHOP}categories/", {"name": "Lamps"}))
    category = owner.post(f"{SHOP}categories/", {"name": f"Lamps {len(apps.app_configs)}"}).json()
    lamp = {"name": "Lampe", "price": "1234.50", "category": category.get("id")}
    ours["create"] = told(owner.post(f"{SHOP}products/", lamp))
    ours["list"] = told(visitor.get(f"{SHOP}products/", {"search": "lampe", "size": 1}))
    ours["missing"] = told(visitor.get(f"{SHOP}products/999999/"))
    ours["tree"] = told(visitor.get(f"{SHOP}categories/tree/"))
if apps.is_installed("django_shopcore.notifications"):
    ours["inbox"] = told(bob.get(f"{SHOP}notifications/"))
print(json.dumps([host, ours]))
