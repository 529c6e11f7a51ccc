"""Three views: text, an upload's digest, a stream."""

import hashlib

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path


def index(request):
    return HttpResponse(f"django says {request.method} {request.path}")


def upload(request):
    digest, size = hashlib.md5(), 0
    for piece in request.FILES["file"].chunks():
        digest.update(piece)
        size += len(piece)
    return JsonResponse({"md5": digest.hexdigest(), "size": size})


def stream(request):
    return StreamingHttpResponse(f"line {i}\n" for i in range(5))


urlpatterns = [path("", index), path("upload", upload), path("stream", stream)]
