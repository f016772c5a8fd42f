from django_shopcore.core.limits import Limit

from .conf import CatalogSettings

READ = Limit("catalog-read", CatalogSettings.READ_RATE, essential=False)
SEARCH = Limit("catalog-search", CatalogSettings.SEARCH_RATE, essential=False)
WRITE = Limit("catalog-write", CatalogSettings.WRITE_RATE)
IMPORT = Limit("catalog-import", CatalogSettings.IMPORT_RATE)
