import pytest

from loadproof.kit.seeding import Seeded, Seeder


def test_nothing_to_seed_makes_nothing():
    assert Seeder(find=bool, create=print).seed([]) == Seeded(0, 0, 0)


def test_seeding_twice_makes_everything_once():
    there = {"a"}
    seeder = Seeder(find=there.__contains__, create=there.add)
    assert seeder.seed(["a", "b", "c"]) == Seeded(created=2, found=1)
    assert seeder.seed(["a", "b", "c"]) == Seeded(created=0, found=3)
    assert str(Seeded(2, 1)) == "2 created, 1 found"


def test_a_seeding_that_broke_off_goes_on_where_it_was():
    there = set()

    def create(row):
        if row == "b" and len(there) == 1:
            there.add("broken")
            raise ConnectionError
        there.add(row)

    seeder = Seeder(find=there.__contains__, create=create)
    with pytest.raises(ConnectionError):
        seeder.seed(["a", "b"])
    assert seeder.seed(["a", "b"]) == Seeded(created=1, found=1)


def test_a_reset_removes_what_is_tagged_and_nothing_else():
    there = {"perf-1", "perf-of-old", "a person"}
    seeder = Seeder(
        find=there.__contains__,
        create=there.add,
        tagged=lambda: (name for name in there if name.startswith("perf-")),
        remove=there.remove,
    )
    assert seeder.reset(["perf-1", "perf-2"]) == Seeded(created=2, found=0, removed=2)
    assert there == {"perf-1", "perf-2", "a person"}


def test_a_seeder_that_knows_no_tag_resets_nothing():
    with pytest.raises(TypeError, match="tagged= and remove="):
        Seeder(find=bool, create=print).reset([])
