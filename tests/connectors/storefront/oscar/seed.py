"""Fill the shop: a few products in stock, and Ana, who has an address and has ordered twice before."""

import os
from datetime import timedelta
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from oscar.apps.address.models import Country, UserAddress
from oscar.apps.partner.strategy import Default
from oscar.core.loading import get_model
from oscar.test.factories import BasketFactory, create_order, create_product

call_command("migrate", verbosity=0)
germany = Country.objects.create(
    iso_3166_1_a2="DE", iso_3166_1_a3="DEU", printable_name="Germany", name="Germany", is_shipping_country=True
)
ana = get_user_model().objects.create_user("ana", email="ana@example.org", password="correct horse battery")
UserAddress.objects.create(
    user=ana,
    first_name="Ana",
    last_name="Example",
    line1="Harbour Street 1",
    line4="Hamburg",
    postcode="20457",
    country=germany,
    is_default_for_shipping=True,
)
products = [
    create_product(title=title, price=Decimal(price), num_in_stock=500, product_class="Groceries", partner_name="Oscar")
    for title, price in (
        ("Breakfast coffee", "12.50"),
        ("Oat milk", "1.95"),
        ("Cat food", "2.35"),
        ("Olive oil", "11.00"),
    )
]
for days, quantities in ((30, (1, 4, 0, 1)), (6, (2, 6, 12, 0))):
    basket = BasketFactory(owner=ana)
    basket.strategy = Default()
    for product, quantity in zip(products, quantities, strict=True):
        if quantity:
            basket.add_product(product, quantity)
    order = create_order(number=f"{100100 - days}", basket=basket, user=ana)
    get_model("order", "Order").objects.filter(pk=order.pk).update(date_placed=timezone.now() - timedelta(days=days))
