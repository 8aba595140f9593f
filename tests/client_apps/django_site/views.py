"""Views that make events, by themselves or by what they do."""

from asgiref.sync import sync_to_async
from django.contrib.auth import authenticate, login, logout
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from tests.client_apps.django_site.models import Note
from tocsin_client import Event, flush


@csrf_exempt
def sign_in(request):
    user = authenticate(request, username=request.GET["username"], password=request.GET["password"])
    if user is None:
        return HttpResponse(status=401)
    login(request, user)
    return HttpResponse(user.username)


def sign_out(request):
    logout(request)
    return HttpResponse("bye")


def event(request):
    event_id = Event.new("note_read", note=7, token="t").from_http(request).save()
    return JsonResponse({"id": event_id, "vary": request.session.accessed})


async def event_async(request):
    receipt = await Event.new("note_read", note=7).from_http(request).asave()
    return JsonResponse({"id": receipt.id})


def change(request):
    note, _ = Note.objects.get_or_create(title="first")
    note.stars += 1
    note.save()
    return JsonResponse({"stars": note.stars})


async def change_async(request):
    return await sync_to_async(change)(request)


def fail(request):
    raise KeyError("the-note")


async def fail_async(request):
    raise KeyError("the-note")


def suspicious(request):
    raise SuspiciousOperation("it asked for /etc/passwd")


def flushed(request):
    return JsonResponse({"flushed": flush(30)})
