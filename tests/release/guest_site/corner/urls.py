from blog.views import PostViewSet
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
router.register("posts", PostViewSet)
urlpatterns = [path("admin/", admin.site.urls), path("blog/api/", include(router.urls))]
if settings.FEATURES:
    urlpatterns.append(path("shop/backend/v7/", include("django_shopcore.urls")))
