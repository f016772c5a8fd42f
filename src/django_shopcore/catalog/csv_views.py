"""Import and export over HTTP."""

from __future__ import annotations

from contextlib import closing
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore.core.access import ADMIN
from django_shopcore.core.errors import ContentTooLarge, InvalidInput, field_error
from django_shopcore.core.filters import ShopcoreFilterBackend
from django_shopcore.core.schema import PROBLEM, describe

from . import get_product_model, limits
from .conf import app_settings
from .csv_parsers import CSVParser, UploadParser
from .exporting import export_products
from .importing import ImportRejected, ImportReport, import_products
from .metadata_filters import product_filterset_class
from .views import CatalogResponses

CSV_EXAMPLE = (
    "slug,name,description,price,category,in_stock,is_published\r\n"
    "aero-14-laptop,Aero 14 laptop,A light laptop.,1299.00,Computers > Laptops,true,true\r\n"
)
NUMBER = {"type": "integer", "minimum": 0}
ENTRY = {
    "line": {"type": "integer", "description": "The line of the file on which the record starts."},
    "field": {"type": "string", "description": 'The column; `""` for the whole row.'},
    "code": {"type": "string"},
    "detail": {"type": "string"},
}
ENTRIES = {"type": "array", "items": {"type": "object", "required": [*ENTRY], "properties": ENTRY}}
NUMBERS = {"created": NUMBER, "updated": NUMBER, "unchanged": NUMBER, "rejected": NUMBER}
REPORT: dict[str, Any] = {
    "type": "object",
    "required": [*NUMBERS, "errors", "warnings"],
    "properties": {**NUMBERS, "errors": ENTRIES, "warnings": ENTRIES},
}
# An error of the request itself is about no line.
PROBLEM_ERRORS = {
    "type": "array",
    "items": {"type": "object", "required": ["field", "code", "detail"], "properties": ENTRY},
}
REJECTED: dict[str, Any] = {
    "type": "object",
    "required": PROBLEM["required"],
    "properties": {**PROBLEM["properties"], **REPORT["properties"], "errors": PROBLEM_ERRORS},  # type: ignore[dict-item]
}
WRONG_PRICE = {"line": 3, "field": "price", "code": "required", "detail": "This field is required."}
FILE_BODY = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}


class ProductExportView(CatalogResponses):
    access = {"get": ADMIN}
    limits = {"get": [limits.IMPORT]}
    conditional = False
    filter_backends = [ShopcoreFilterBackend]

    @property
    def filterset_class(self) -> Any:
        return product_filterset_class()

    def get_queryset(self) -> QuerySet[Any]:
        return get_product_model().objects.visible_to(getattr(self.request, "user", None))

    @describe(
        operation_id="products_export",
        summary="Export products as CSV",
        description=(
            "All products that match the filters, oldest first unless `ordering` or `search` is given, as a file "
            "that the import reads back. Cells that a spreadsheet would run as a formula start with an apostrophe."
        ),
        filters=True,
        responses={
            (200, "text/csv"): OpenApiResponse(
                response={"type": "string"},
                description="UTF-8, streamed.",
                examples=[OpenApiExample("Two lines", CSV_EXAMPLE, media_type="text/csv")],
            )
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        queryset = ShopcoreFilterBackend().filter_queryset(request, self.get_queryset(), self)
        if not queryset.query.order_by:
            queryset = queryset.order_by("created_at", "pk")
        return StreamingHttpResponse(
            export_products(queryset),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="products.csv"'},
        )


class ProductImportView(CatalogResponses):
    access = {"post": ADMIN}
    limits = {"post": [limits.IMPORT]}
    error_codes = {"post": [409]}
    conditional = False
    parser_classes = [UploadParser, CSVParser]

    @describe(
        operation_id="products_import",
        summary="Import products from CSV",
        description=(
            "Reads the export's format, Shopify's product CSV or a dump of django-oscar's catalogue, told apart by "
            "the header. Products are matched by slug (where it is blank: the one the name would get), missing "
            "categories are made. All or nothing: with a rejected row nothing is written, and the answer is 400 with "
            "the report beside the problem's fields. A dry run reports without writing and is 200 also when rows "
            "would be rejected."
        ),
        parameters=[
            OpenApiParameter("dry_run", bool, description="Report only; nothing is written. Default false."),
        ],
        request={"multipart/form-data": FILE_BODY, "text/csv": {"type": "string"}},
        responses={
            200: OpenApiResponse(response=REPORT, description="What was done, or with `dry_run` would be."),
            (400, "application/problem+json"): OpenApiResponse(
                response=REJECTED,
                description="Nothing was written: rows are wrong, or the file cannot be read.",
            ),
        },
        examples=[
            OpenApiExample("A file", CSV_EXAMPLE, request_only=True, media_type="text/csv"),
            OpenApiExample(
                "All well",
                ImportReport(created=2, unchanged=40).as_dict(),
                response_only=True,
                status_codes=["200"],
            ),
            OpenApiExample(
                "A rejected row",
                {
                    "type": "about:blank",
                    "title": "Bad Request",
                    "status": 400,
                    "detail": "Nothing was imported: some rows are wrong.",
                    "code": "import_rejected",
                    **ImportReport(created=2, rejected=1, errors=[WRONG_PRICE]).as_dict(),
                },
                response_only=True,
                status_codes=["400"],
                media_type="application/problem+json",
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        dry_run = _dry_run(request)
        with closing(_uploaded(request)) as file:
            report = import_products(file, dry_run=dry_run, actor=request.user)
        if not report.ok and not dry_run:
            raise ImportRejected(report)
        return Response(report.as_dict())


def _dry_run(request: Request) -> bool:
    value = request.query_params.get("dry_run", "false")
    if value not in ("true", "false"):
        raise InvalidInput([field_error("dry_run", "invalid", _("Must be true or false."))])
    return bool(value == "true")


def _uploaded(request: Request) -> IO[bytes]:
    """The file of the request. Raises 400 when there is none, 413 when it is too large."""
    # Both parsers answer a mapping; without a body, DRF makes an empty one.
    data: Any = request.data
    file: Any = data.get("file")
    if not hasattr(file, "readline"):
        raise InvalidInput([field_error("file", "required", _("A CSV file is required."))])
    # A multipart body's own limit leaves room for what surrounds the file.
    if isinstance(file, UploadedFile) and (file.size or 0) > app_settings.MAX_IMPORT_BYTES:
        raise ContentTooLarge()
    upload: IO[bytes] = file
    return upload
