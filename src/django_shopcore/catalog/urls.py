from django.urls import path

from . import bulk_views, csv_views, facet_views, views

collection = {"get": "list", "post": "create"}
item = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}

# A key is any text here: what is not a key of the model is answered by the view, as a problem.
urlpatterns = [
    path("products/", views.ProductViewSet.as_view(collection), name="product-list"),
    path("products/bulk/", bulk_views.ProductBulkView.as_view(), name="product-bulk"),
    path("products/export/", csv_views.ProductExportView.as_view(), name="product-export"),
    path("products/import/", csv_views.ProductImportView.as_view(), name="product-import"),
    path("products/facets/", facet_views.ProductFacetsViewSet.as_view({"get": "facets"}), name="product-facets"),
    path("products/<pk>/", views.ProductViewSet.as_view(item), name="product-detail"),
    path("categories/", views.CategoryViewSet.as_view(collection), name="category-list"),
    path("categories/tree/", views.CategoryTreeView.as_view(), name="category-tree"),
    path("categories/<pk>/", views.CategoryViewSet.as_view(item), name="category-detail"),
]
