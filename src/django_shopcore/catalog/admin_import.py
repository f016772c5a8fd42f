"""Import and export of products in the admin."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_shopcore.core.errors import Conflict

from .admin_base import CatalogAdmin
from .admin_upload import ConfirmForm, UploadForm, pack, ticket
from .exporting import export_products
from .importing import ImportReport, UnreadableFile, import_products

TEMPLATES = "admin/shopcore_catalog"
# Of the entries in a report, so many are shown; the file's author corrects them from the top anyway.
MAX_SHOWN = 100


class ImportExportAdmin(CatalogAdmin):
    """Buttons "Import" and "Export" over the list, and the pages behind them."""

    change_list_template = f"{TEMPLATES}/product_change_list.html"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("import/", wrap(self.import_view), name=self._url_name("import")),
            path("export/", wrap(self.export_view), name=self._url_name("export")),
            *super().get_urls(),
        ]

    def _url_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def _url(self, page: str) -> str:
        return reverse(f"{self.admin_site.name}:{self._url_name(page)}")

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        urls = {"export_url": self._url("export")}
        if self.has_import_permission(request):
            urls["import_url"] = self._url("import")
        return super().changelist_view(request, {**urls, **(extra_context or {})})

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The products that the list shows with this query string, on all its pages."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        request.GET = request.GET.copy()  # type: ignore[assignment]
        request.GET.pop(PAGE_VAR, None)  # type: ignore[misc]
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self._url('changelist')}?{ERROR_FLAG}=1")
        return csv_response(changelist.get_queryset(request))

    @admin.action(permissions=["view"], description=gettext_lazy("Export selected %(verbose_name_plural)s"))
    def export_selected(self, request: HttpRequest, queryset: Any) -> StreamingHttpResponse:
        return csv_response(queryset)

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Upload, look at what would change, confirm."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self._upload_page(request, UploadForm())
        if "ticket" in request.POST:
            return self._confirm(request)
        form = UploadForm(files=request.FILES)
        return self._preview(request, form.content()) if form.is_valid() else self._upload_page(request, form)

    def _preview(self, request: HttpRequest, content: bytes) -> HttpResponse:
        try:
            report = import_products(BytesIO(content), dry_run=True, actor=request.user)
        except UnreadableFile as exc:
            return self._report_page(request, unreadable(exc))
        if not report.ok or not (report.created or report.updated):
            return self._report_page(request, report)
        packed = pack(content)
        form = ConfirmForm(initial={"ticket": ticket(content, request.user), "packed": packed}, user=request.user)
        if packed is not None:
            del form.fields["file"]
        return self._report_page(request, report, form)

    def _confirm(self, request: HttpRequest) -> HttpResponse:
        form = ConfirmForm(request.POST, request.FILES, user=request.user)
        if not form.is_valid():
            for problem in [error for errors in form.errors.values() for error in errors]:
                self.message_user(request, str(problem), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        try:
            report = import_products(form.cleaned_data["file"], actor=request.user)
        except Conflict as exc:
            self.message_user(request, str(exc.detail), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        if not report.ok:
            # Somebody changed the catalogue in between; nothing was written.
            return self._report_page(request, report)
        numbers = {"created": report.created, "updated": report.updated}
        self.message_user(request, _("Imported: %(created)d new, %(updated)d changed.") % numbers, messages.SUCCESS)
        return HttpResponseRedirect(self._url("changelist"))

    def _upload_page(self, request: HttpRequest, form: UploadForm) -> HttpResponse:
        return self._page(request, "product_import.html", {"form": form})

    def _report_page(self, request: HttpRequest, report: ImportReport, form: ConfirmForm | None = None) -> HttpResponse:
        context = {
            "report": report,
            "form": form,
            "numbers": [
                (_("New"), report.created),
                (_("Changed"), report.updated),
                (_("Unchanged"), report.unchanged),
                (_("Rejected"), report.rejected),
            ],
            "changes": report.changes if form else [],
            "more_changes": report.created + report.updated - len(report.changes),
            "lists": [
                (_("Errors"), report.errors[:MAX_SHOWN], len(report.errors) - MAX_SHOWN),
                (_("Warnings"), report.warnings[:MAX_SHOWN], len(report.warnings) - MAX_SHOWN),
            ],
        }
        return self._page(request, "product_import_report.html", context)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        title = _("Import %(name)s") % {"name": self.opts.verbose_name_plural}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            # What Django's change_form.html, which these pages extend for its frame, puts into the breadcrumbs.
            "original": title,
            "has_view_permission": self.has_view_permission(request),
            "media": self.media,
            **context,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, f"{TEMPLATES}/{template}", context)


def unreadable(exc: UnreadableFile) -> ImportReport:
    """The report of a file of which no row could be read."""
    return ImportReport(errors=exc.errors)


def csv_response(queryset: Any) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        export_products(queryset),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="products.csv"'},
    )
