from __future__ import annotations

from uuid import uuid4

import pytest


def order(*guests, **more):
    return {"tickets": [{"guest_name": guest} for guest in guests or ("Ada",)], **more}


@pytest.fixture
def free(stage):
    """Path of the free checkout, and a token."""
    event, tier = stage.tier("perf-ticket-free-event")
    return f"/events/{event}/tickets/{tier}/checkout", stage.sign_in()


@pytest.fixture
def pwyc(stage):
    """Path of the pay-what-you-can checkout, and a token."""
    event, tier = stage.tier("perf-ticket-pwyc-event")
    return f"/events/{event}/tickets/{tier}/checkout/pwyc", stage.sign_in()


def inventory(stage, slug):
    (tier,) = stage.state()["events"][slug]["tiers"]
    return tier["capacity"], tier["sold"], tier["tickets"]


def test_free_tickets_are_numbered_and_taken_out_of_the_inventory(stage, free):
    path, token = free
    answer = stage.post(path, order("Ada", "Grace"), token)
    assert (answer.status_code, answer.json()["checkout_url"]) == (200, None)
    sold = [(one["number"], one["guest_name"], one["price_paid"], one["status"]) for one in answer.json()["tickets"]]
    assert sold == [(1, "Ada", "0.00", "active"), (2, "Grace", "0.00", "active")]
    assert inventory(stage, "perf-ticket-free-event") == (10_000, 2, 2)


def test_a_sold_out_tier_refuses_and_sells_nothing_of_an_order_that_is_too_big(stage, free):
    path, token = free
    stage.set_faults(capacity={"perf-ticket-free-event": 2})
    assert stage.post(path, order("Ada"), token).status_code == 200
    too_many = stage.post(path, order("Ada", "Grace"), token)
    expected = {"detail": "Only 1 tickets are left", "code": "sold_out", "remaining": 1}
    assert (too_many.status_code, too_many.json()) == (400, expected)
    assert stage.post(path, order("Grace"), token).status_code == 200
    assert stage.post(path, order("Alan"), token).json()["detail"] == "Sold out"
    assert inventory(stage, "perf-ticket-free-event") == (2, 2, 2)
    left = stage.get(f"{path.partition('/tickets')[0]}/my-status", token).json()
    assert (left["can_purchase_more"], left["remaining_tickets"][0]["sold_out"]) == (False, True)


@pytest.mark.parametrize(
    ("price", "status"), [("5.00", 200), ("12.34", 200), ("50.00", 200), ("4.99", 400), ("50.01", 400)]
)
def test_a_chosen_price_lies_within_the_bounds_of_the_tier(stage, pwyc, price, status):
    path, token = pwyc
    answer = stage.post(path, order(price_per_ticket=price), token)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["tickets"][0]["price_paid"] == price
    assert inventory(stage, "perf-ticket-pwyc-event")[1] == (status == 200)


@pytest.mark.parametrize("price", ["0.99", "12.345", "much", None])
def test_a_chosen_price_is_an_amount_of_at_least_one(stage, pwyc, price):
    path, token = pwyc
    assert stage.post(path, order(price_per_ticket=price), token).status_code == 422


def test_each_kind_of_tier_has_its_own_checkout(stage, free, pwyc):
    path, token = free
    assert stage.post(f"{path}/pwyc", order(price_per_ticket="5.00"), token).status_code == 400
    path, token = pwyc
    assert stage.post(path.removesuffix("/pwyc"), order(), token).status_code == 400


def test_a_tier_of_another_event_is_not_found(stage, free):
    path, token = free
    other = stage.event("perf-ticket-pwyc-event")
    assert stage.post(f"/events/{other}/tickets/{path.split('/')[4]}/checkout", order(), token).status_code == 404
    assert stage.post(f"/events/{other}/tickets/{uuid4()}/checkout", order(), token).status_code == 404


@pytest.mark.parametrize("body", [{}, {"tickets": []}, {"tickets": [{"guest_name": ""}]}])
def test_an_order_without_guests_is_refused(stage, free, body):
    path, token = free
    assert stage.post(path, body, token).status_code == 422


def test_buying_needs_somebody_signed_in(stage, free):
    assert stage.post(free[0], order()).status_code == 401
