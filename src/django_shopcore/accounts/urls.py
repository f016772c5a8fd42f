from django.urls import path

from . import mail_views, user_views, views

# A key is any text here: what is not a key of the model is answered by the view, as a problem.
urlpatterns = [
    path("auth/register/", views.RegisterView.as_view(), name="register"),
    path("auth/login/", views.LoginView.as_view(), name="login"),
    path("auth/refresh/", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout/", views.LogoutView.as_view(), name="logout"),
    path("auth/logout-all/", views.LogoutAllView.as_view(), name="logout-all"),
    path("auth/sessions/", views.SessionViewSet.as_view({"get": "list"}), name="session-list"),
    path("auth/sessions/<pk>/", views.SessionViewSet.as_view({"delete": "destroy"}), name="session-detail"),
    path("auth/me/", user_views.MeView.as_view(), name="me"),
    path("auth/me/export/", user_views.MeExportView.as_view(), name="me-export"),
    path("auth/me/delete/", user_views.MeDeleteView.as_view(), name="me-delete"),
    path("auth/password/change/", user_views.PasswordChangeView.as_view(), name="password-change"),
    path("auth/password/reset/", mail_views.PasswordResetView.as_view(), name="password-reset"),
    path("auth/password/reset/confirm/", mail_views.PasswordResetConfirmView.as_view(), name="password-reset-confirm"),
    path("auth/email/verify/", mail_views.EmailVerifyView.as_view(), name="email-verify"),
    path("auth/email/verify/resend/", mail_views.EmailVerifyResendView.as_view(), name="email-verify-resend"),
    path("auth/email/change/", mail_views.EmailChangeView.as_view(), name="email-change"),
    path("auth/email/change/confirm/", mail_views.EmailChangeConfirmView.as_view(), name="email-change-confirm"),
    path("users/", user_views.UserViewSet.as_view({"get": "list"}), name="user-list"),
    path(
        "users/<pk>/",
        user_views.UserViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="user-detail",
    ),
]
