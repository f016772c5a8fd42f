from django.urls import include, path
from rest_framework.routers import DefaultRouter

from . import views

router = DefaultRouter()
router.register("products", views.ProductViewSet)
router.register("keyset", views.KeysetViewSet, basename="keyset")

urlpatterns = [path("api/v1/", include(router.urls))]
