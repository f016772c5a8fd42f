"""The wrapper that Django looks for in an engine."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from ..breakers import Breaker, breaker_of
from ..waiting import current_waiting

if not is_psycopg3:
    from django.core.exceptions import ImproperlyConfigured

    raise ImproperlyConfigured("The engine django_shopcore.core.postgresql needs psycopg 3.")

from psycopg.errors import ConnectionTimeout, OperationalError

from .silence import Address, SilentError, answers, notice

INSTEAD = "requests that need it are answered with 503"


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, with a circuit breaker for requests: they wait neither for a server that is silent, nor one by one.

    Commands and workers wait as ever.
    """

    _address: Address | None = None

    @cached_property
    def breaker(self) -> Breaker:
        return breaker_of("database", self.alias, INSTEAD)

    def get_new_connection(self, conn_params: Any) -> Any:
        if current_waiting() is None:
            return super().get_new_connection(conn_params)
        breaker = self.breaker
        if not breaker.allows():
            raise SilentError("PostgreSQL did not answer a moment ago.")
        address = self._address or _address_in(conn_params)
        if breaker.is_open and address is not None and not answers(address):
            raise self._silent(SilentError("PostgreSQL still does not answer."))
        try:
            raw: Any = super().get_new_connection(conn_params)
        except ConnectionTimeout as error:
            raise self._silent(error) from None
        except OperationalError as error:
            # It refuses, having too many connections for one: asking that is cheap. Or a pool gave none in time.
            if breaker.is_open or (_waited_for_a_pool(error) and address is not None and not answers(address)):
                breaker.failed(error)
            raise
        self._address = (raw.info.host, str(raw.info.port))
        notice(raw, breaker)
        breaker.succeeded()
        return raw

    def _silent(self, error: OperationalError) -> OperationalError:
        self.breaker.failed(error)
        return error

    def _configure_connection(self, connection: Any) -> Any:
        # A pool checks its connections before it hands them out.
        notice(connection, self.breaker)
        return super()._configure_connection(connection)  # type: ignore[misc]


def _waited_for_a_pool(error: OperationalError) -> bool:
    return type(error).__name__ == "PoolTimeout"  # of a package that may not be installed


def _address_in(conn_params: Any) -> Address | None:
    """The server's address, where there is just one and it is named."""
    host, port = str(conn_params.get("host") or ""), str(conn_params.get("port") or 5432)
    return (host, port) if host and "," not in host and port.isdigit() else None
