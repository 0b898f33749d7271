"""What goes wrong in the shop when a test wants to see it; tests ask for it, and for the truth, below /harm/."""

from pathlib import Path

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from oscar.core.loading import get_model


class Harm:
    """Around every request. The database keeps what it was told unless the harm comes before it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path.startswith("/harm/"):
            return _harm(request.path.removeprefix("/harm/"))
        is_order = request.method == "POST" and request.path == "/checkout/preview/"
        how = _next() if is_order else ""
        if how == "lost":
            return HttpResponse(status=500)
        answer = self.get_response(request)
        return HttpResponse(status=500) if how == "done" else answer


def _harm(what):
    stock = get_model("partner", "StockRecord")
    if what == "orders":
        orders = get_model("order", "Order").objects.order_by("-date_placed")
        return JsonResponse({"orders": [order.number for order in orders]})
    if what == "prices":
        stock.objects.update(price="9.99")
    elif what == "sold-out":
        record = stock.objects.order_by("id")[0]
        record.num_in_stock, record.num_allocated = 0, 0
        record.save()
        return JsonResponse({"name": record.product.title})
    else:
        _file().write_text(what)
    return JsonResponse({})


def _file() -> Path:
    return Path(settings.FOLDER) / "harm"


def _next() -> str:
    how = _file().read_text() if _file().exists() else ""
    _file().unlink(missing_ok=True)
    return how
