from __future__ import annotations

from django_shopcore.core.conf import Setting, SettingsGroup, optional_days


class AuditSettings(SettingsGroup, prefix="SHOPCORE_AUDIT_"):
    RETENTION_DAYS = Setting[int | None](
        365, optional_days, "Days for which entries of the audit log are kept; None: for good."
    )


app_settings = AuditSettings()
