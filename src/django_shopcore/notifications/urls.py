from django.urls import path

from . import views

# A key is any text here: what is not a key of the model is answered by the view, as a problem.
urlpatterns = [
    path("notifications/", views.NotificationViewSet.as_view({"get": "list"}), name="notification-list"),
    path("notifications/mark-all-seen/", views.MarkAllSeenView.as_view(), name="notification-mark-all-seen"),
    path("notifications/unseen-count/", views.UnseenCountView.as_view(), name="notification-unseen-count"),
    path("notifications/preferences/", views.PreferencesView.as_view(), name="notification-preferences"),
    path("notifications/unsubscribe/", views.UnsubscribeView.as_view(), name="notification-unsubscribe"),
    path(
        "notifications/<pk>/",
        views.NotificationViewSet.as_view({"patch": "partial_update"}),
        name="notification-detail",
    ),
]
