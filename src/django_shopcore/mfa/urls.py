from django.urls import path

from . import views

urlpatterns = [
    path("auth/mfa/", views.SecondFactorView.as_view(), name="mfa"),
    path("auth/mfa/login/", views.LoginView.as_view(), name="mfa-login"),
    path("auth/mfa/login/options/", views.LoginOptionsView.as_view(), name="mfa-login-options"),
    path("auth/mfa/options/", views.OptionsView.as_view(), name="mfa-options"),
    path("auth/mfa/totp/", views.TotpView.as_view(), name="mfa-totp"),
    path("auth/mfa/totp/confirm/", views.TotpConfirmView.as_view(), name="mfa-totp-confirm"),
    path("auth/mfa/totp/delete/", views.TotpDeleteView.as_view(), name="mfa-totp-delete"),
    path("auth/mfa/recovery-codes/", views.RecoveryCodesView.as_view(), name="mfa-recovery-codes"),
    path("auth/mfa/passkeys/", views.PasskeysView.as_view(), name="mfa-passkeys"),
    path("auth/mfa/passkeys/options/", views.PasskeyOptionsView.as_view(), name="mfa-passkey-options"),
    path("auth/mfa/passkeys/<pk>/delete/", views.PasskeyDeleteView.as_view(), name="mfa-passkey-delete"),
]
