import pytest

from loadproof.suites.parts import Part, in_order


def part(name, *needs):
    return Part(name, ("true",), needs=needs)


def test_no_parts_have_no_order():
    assert in_order(()) == []


def test_each_part_comes_after_all_that_it_needs_and_else_where_it_stood():
    parts = part("web", "database", "queue"), part("database"), part("beat", "queue"), part("queue"), part("alone")
    assert [each.name for each in in_order(parts)] == ["database", "queue", "web", "beat", "alone"]


@pytest.mark.parametrize("parts", [(part("web", "database"),), (part("a", "b"), part("b", "a"))])
def test_parts_that_can_never_start_are_named(parts):
    with pytest.raises(ValueError, match=f"nothing can start before {parts[0].name}"):
        in_order(parts)
