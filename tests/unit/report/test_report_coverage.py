from loadproof.report.coverage import improbable_mixes_of, missed_of, mixes_of, not_due_of
from loadproof.result import Coverage, Declared
from results_factory import declared_coverage


def test_nothing_that_is_declared_is_nothing_missed():
    empty = Coverage()
    assert (missed_of(empty), not_due_of(empty), mixes_of(empty), improbable_mixes_of(empty)) == ([], [], [], [])


def test_what_never_ran_is_missed_only_where_it_was_due():
    assert [item.title for item in missed_of(declared_coverage())] == ["POST /refund"]
    assert [item.title for item in not_due_of(declared_coverage())] == ["Buyer.complain"]


def test_the_least_probable_mix_comes_first_with_planned_and_actual_shares():
    browser, buyer = mixes_of(declared_coverage())
    assert (browser.title, browser.probability, browser.is_improbable) == ("Browser", 0.0006, True)
    assert (buyer.title, buyer.is_improbable) == ("Buyer", False)
    assert [(part.item.name, part.planned, part.actual) for part in browser.parts] == [
        ("Browser.look", 0.5, 58 / 90),
        ("Browser.search", 0.5, 32 / 90),
    ]
    assert improbable_mixes_of(declared_coverage()) == ["Browser"]


def test_the_mix_of_a_service_is_that_of_its_requests():
    declared = (Declared("/a", "GET", "service", 30, 20.0), Declared("/b", "GET", "service", 10, 20.0))
    (mix,) = mixes_of(Coverage(declared=(*declared, Declared("/c", None, "expect", 5)), mix={"requests": 0.002}))
    assert [(part.item.name, part.planned, part.actual) for part in mix.parts] == [("/a", 0.5, 0.75), ("/b", 0.5, 0.25)]


def test_user_classes_whose_names_begin_alike_are_told_apart():
    declared = (Declared("Buyer.buy", None, "task", 10, 10.0), Declared("BuyerToo.buy", None, "task", 10, 10.0))
    (mix,) = mixes_of(Coverage(declared=declared, mix={"Buyer": 1.0}))
    assert [part.item.name for part in mix.parts] == ["Buyer.buy"]


def test_a_mix_of_which_nothing_ran_has_no_actual_shares():
    declared = (Declared("U.a", None, "task", 0, 5.0), Declared("U.b", None, "task", 0, 5.0))
    (mix,) = mixes_of(Coverage(declared=declared, mix={"U": 0.0}))
    assert [part.actual for part in mix.parts] == [None, None]
