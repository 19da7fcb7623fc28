from __future__ import annotations

import ast
import statistics

import pytest

from loadproof.suites.demo import LOCUSTFILE
from loadproof.suites.demo.target import DEFAULT_SEED, REFUSED_SHARE, Work, create_app


@pytest.fixture
def slept():
    return []


@pytest.fixture
def shop(slept):
    return create_app(sleep=slept.append).test_client()


def test_the_front_page_says_what_the_service_is(shop):
    assert shop.get("/").get_json() == {"service": "shop", "products": 20}


def test_health_answers_without_any_work(shop, slept):
    assert shop.get("/health").get_json() == {"status": "ok"}
    assert slept == []


def test_the_list_holds_every_product_that_can_be_viewed(shop):
    products = shop.get("/api/products").get_json()["products"]
    assert [product["id"] for product in products] == list(range(1, 21))
    assert [shop.get(f"/api/products/{product['id']}").get_json() for product in products] == products


def test_an_unknown_product_is_a_404(shop):
    answer = shop.get("/api/products/21")
    assert (answer.status_code, answer.get_json()) == (404, {"error": "there is no product 21"})


def test_a_cart_answers_201_with_what_was_put_in(shop):
    answer = shop.post("/api/cart", json={"product": 3, "quantity": 2})
    assert (answer.status_code, answer.get_json()) == (201, {"items": [{"product": 3, "quantity": 2}]})


@pytest.mark.parametrize("path", ["/api/cart", "/api/checkout"])
def test_an_order_for_an_unknown_product_is_a_404(shop, path):
    assert shop.post(path, json={"product": 0}).status_code == 404


@pytest.mark.parametrize("path", ["/api/cart", "/api/checkout"])
def test_an_order_that_is_not_json_is_refused(shop, path):
    assert shop.post(path, data="product=3").status_code == 415


def test_a_checkout_confirms_and_adds_up(shop):
    price = shop.get("/api/products/3").get_json()["price_cents"]
    answer = shop.post("/api/checkout", json={"product": 3, "quantity": 2})
    assert (answer.status_code, answer.get_json()) == (200, {"state": "confirmed", "total_cents": 2 * price})


def test_the_23rd_checkout_of_the_default_seed_is_the_first_refused(shop):
    statuses = [shop.post("/api/checkout", json={"product": 1}).status_code for _ in range(30)]
    assert statuses == [200] * 22 + [503] + [200] * 7


def test_about_three_checkouts_in_a_thousand_are_refused():
    work = Work(DEFAULT_SEED)
    refused = sum(work.refuses() for _ in range(20_000)) / 20_000
    assert refused == pytest.approx(REFUSED_SHARE, rel=0.25)


def test_work_takes_one_to_eight_milliseconds_around_its_median():
    work = Work(1)
    durations = [work.duration(0.004) for _ in range(2_000)]
    assert 0.001 <= min(durations) < 0.002
    assert 0.007 < max(durations) <= 0.008
    assert statistics.median(durations) == pytest.approx(0.004, rel=0.05)


def test_the_same_seed_draws_the_same_work_and_another_seed_another():
    def draws(seed):
        work = Work(seed)
        return [work.duration(0.004) for _ in range(10)]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)


def test_refusals_do_not_depend_on_how_much_other_work_was_drawn():
    quiet, busy = Work(DEFAULT_SEED), Work(DEFAULT_SEED)
    expected = [quiet.refuses() for _ in range(500)]
    actual = []
    for _ in range(500):
        busy.duration(0.002)
        actual.append(busy.refuses())
    assert actual == expected


def test_the_locustfile_imports_nothing_but_locust_and_the_standard_library():
    tree = ast.parse(LOCUSTFILE.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"locust", "random"}
