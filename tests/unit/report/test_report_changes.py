from loadproof.report.changes import BADGES, by_importance
from loadproof.result import Change, Comparison
from results_factory import compared


def test_all_requests_come_first_then_what_got_worse_could_not_be_told_got_better_and_stayed():
    assert [(each.title, each.change) for each in by_importance(compared())] == [
        ("all requests", Change.IMPROVED),
        ("all requests", Change.EQUIVALENT),
        ("all requests", Change.EQUIVALENT),
        ("POST /buy", Change.REGRESSED),
        ("POST /cart", Change.INCONCLUSIVE),
        ("GET /new", Change.INCONCLUSIVE),
        ("GET /read", Change.EQUIVALENT),
    ]


def test_a_comparison_of_nothing_has_no_order():
    assert by_importance(Comparison((), (), ())) == []


def test_every_change_has_a_badge_with_a_mark_of_its_own():
    assert set(BADGES) == set(Change)
    assert len({badge.mark for badge in BADGES.values()}) == len(Change)
