from .abstract_models import AbstractCategory, AbstractProduct


class Category(AbstractCategory):
    class Meta(AbstractCategory.Meta):
        swappable = "SHOPCORE_CATALOG_CATEGORY_MODEL"


class Product(AbstractProduct):
    class Meta(AbstractProduct.Meta):
        swappable = "SHOPCORE_CATALOG_PRODUCT_MODEL"
