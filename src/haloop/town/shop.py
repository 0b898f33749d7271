"""The town's shop: pages of HTML with forms, as a small real shop has them, for a browser and nobody else.

    GET  /login, POST /login {name}            customers name themselves; a cookie remembers it
    GET  /orders                               what one ordered, the newest first
    GET  /product/{id}, POST /basket/add       a product, and putting it into the basket
    GET  /basket, POST /basket/remove          what is in it, and taking something out
    GET  /checkout, POST /checkout/place       the last page before an order, and ordering
    GET  /thanks/{number}                      it is ordered

There is no key under which a second order would be the first one: who lost an answer looks into the orders.
"""

from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import quote, unquote

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from haloop.town.forms import read_form
from haloop.town.groceries import PRODUCTS
from haloop.town.line import Line
from haloop.town.orders import Quote, Refusal, ShopBook

_COOKIE = "customer"
_SEE_OTHER = 303
_WALLS = {
    "captcha": '<form id="captcha"><label>Are you a robot? <input name="word"></label></form>',
    "second_factor": '<form id="second-factor"><label>The code we sent you <input name="code"></label></form>',
}


def make_shop(book: ShopBook, line: Line) -> FastAPI:
    """The shop over a book, at the end of a line."""
    shop = FastAPI(title="Corner Shop", openapi_url=None)

    @shop.middleware("http")
    async def know(request: Request, page: Callable[[Request], Awaitable[Response]]) -> Response:
        """Who is not signed in comes to the sign-in first, and who is asked something to that."""
        customer = unquote(request.cookies.get(_COOKIE, ""))
        request.state.customer = customer
        if request.url.path == "/login":
            return await page(request)
        if not customer:
            return RedirectResponse("/login", status_code=_SEE_OTHER)
        wall = book.asks.get(customer, book.asks_all)
        return _page(book, "One moment", _WALLS[wall]) if wall else await page(request)

    shop.middleware("http")(line.carry)  # the last that is added is the first that a request meets
    _open_door(shop, book)
    _show_shelves(shop, book)
    _open_till(shop, book)
    return shop


def _open_door(shop: FastAPI, book: ShopBook) -> None:
    @shop.get("/login")
    async def login() -> Response:
        return _page(
            book, "Sign in", '<form id="login" method="post"><input name="name"><button>Sign in</button></form>'
        )

    @shop.post("/login")
    async def sign_in(request: Request) -> Response:
        answer = RedirectResponse("/orders", status_code=_SEE_OTHER)
        answer.set_cookie(_COOKIE, quote((await read_form(request))["name"]), max_age=90 * 86_400, httponly=True)
        return answer


def _show_shelves(shop: FastAPI, book: ShopBook) -> None:
    @shop.get("/orders")
    async def orders(request: Request) -> Response:
        shown = "".join(
            f'<article class="order"><h2>{order.number}</h2><time>{order.placed:%d %B %Y}</time>'
            f'{_lines(order.quote)}<p class="total">{order.quote.total.format()}</p></article>'
            for order in book.orders_of(request.state.customer)
        )
        return _page(book, "Your orders", shown)

    @shop.get("/product/{product_id}")
    async def product(product_id: str) -> Response:
        found = next((one for one in PRODUCTS if one.id == product_id), None)
        if found is None:
            return HTMLResponse("<h1>There is no such thing here</h1>", status_code=404)
        buy = (
            f'<form method="post" action="/basket/add"><input type="hidden" name="product" value="{found.id}">'
            '<input name="quantity" type="number" value="1"><button>Put into the basket</button></form>'
            if book.has(found.id)
            else '<p class="sold-out">Sold out</p>'
        )
        price = f'<p class="price">{book.price_of(found.id).format()}</p>'
        return _page(book, escape(found.name), price + buy)

    @shop.post("/basket/add")
    async def add(request: Request) -> Response:
        form = await read_form(request)
        taken = book.put(request.state.customer, form["product"], int(form["quantity"]))
        return RedirectResponse("/basket" if taken else f"/product/{form['product']}", status_code=_SEE_OTHER)


def _open_till(shop: FastAPI, book: ShopBook) -> None:
    @shop.get("/basket")
    async def basket(request: Request) -> Response:
        quoted = book.basket_of(request.state.customer)
        removers = "".join(
            f'<form method="post" action="/basket/remove"><input type="hidden" name="product" value="{line.product}">'
            f'<button class="remove">Take out {escape(line.name)}</button></form>'
            for line in quoted.lines
        )
        return _page(book, "Your basket", _lines(quoted) + removers)

    @shop.post("/basket/remove")
    async def remove(request: Request) -> Response:
        book.put(request.state.customer, (await read_form(request))["product"], 0)
        return RedirectResponse("/basket", status_code=_SEE_OTHER)

    @shop.get("/checkout")
    async def checkout(request: Request) -> Response:
        return _review(book, request.state.customer, "")

    @shop.post("/checkout/place")
    async def place(request: Request) -> Response:
        placed = book.place(request.state.customer, (await read_form(request))["total"])
        if isinstance(placed, Refusal):
            return _review(book, request.state.customer, placed.message)
        return RedirectResponse(f"/thanks/{placed.number}", status_code=_SEE_OTHER)

    @shop.get("/thanks/{number}")
    async def thanks(request: Request, number: str) -> Response:
        (order,) = (one for one in book.orders_of(request.state.customer) if one.number == number)
        said = f'<p class="number">{order.number}</p><p class="charged">{order.quote.total.format()}</p>'
        return _page(book, "Thank you", f'<div id="thanks">{said}</div>')


def _review(book: ShopBook, customer: str, notice: str) -> Response:
    quoted = book.basket_of(customer)
    said = f'<p class="refused">{escape(notice)}</p>' if notice else ""
    rows = (
        f'<p id="deliver-to">{escape(customer)}, Harbour Street 1</p><p id="arrives">{book.arrives():%A, %d %B}</p>'
        f'<p id="delivery">{quoted.delivery.format()}</p><p id="total">{quoted.total.format()}</p>'
    )
    order = (
        f'<form method="post" action="/checkout/place"><input type="hidden" name="total" '
        f'value="{quoted.total.format()}"><button id="place">Order and pay</button></form>'
    )
    return _page(book, "Review your order", said + _lines(quoted) + rows + order)


def _lines(quoted: Quote) -> str:
    rows = "".join(
        f'<tr class="line"><td><a href="/product/{line.product}">{escape(line.name)}</a></td>'
        f'<td class="quantity">{line.quantity}</td><td class="each">{line.each.format()}</td>'
        f'<td class="line-total">{line.total.format()}</td></tr>'
        for line in quoted.lines
    )
    return f"<table>{rows}</table>"


def _page(book: ShopBook, title: str, inside: str) -> Response:
    whole = f"<!doctype html><title>Corner Shop</title><h1>{title}</h1><main>{inside}</main><footer>In town</footer>"
    return HTMLResponse(whole[: len(whole) // 2] if book.is_half_loaded else whole)
