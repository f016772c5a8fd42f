from tests.fixtures import admin_client, anonymous, customer_client

__all__ = ["admin_client", "anonymous", "customer_client"]
