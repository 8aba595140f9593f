"""Where the views are."""

from django.urls import path

from tests.client_apps.django_site import views

urlpatterns = [
    path("login/", views.sign_in),
    path("logout/", views.sign_out),
    path("event/", views.event),
    path("event-async/", views.event_async),
    path("change/", views.change),
    path("change-async/", views.change_async),
    path("fail/", views.fail),
    path("fail-async/", views.fail_async),
    path("suspicious/", views.suspicious),
    path("flush/", views.flushed),
]
