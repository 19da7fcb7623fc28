import json
import os
from pathlib import Path
from uuid import UUID

import pytest

from loadproof.kit.ledger import Ledger, run_tag
from loadproof.result.ledgers import read_ledgers


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "20261121_120000_ab12cd"
    monkeypatch.setenv("LOADPROOF_LEDGERS", str(folder))
    monkeypatch.setattr(Ledger, "known", {})
    return folder


@pytest.fixture
def kafkas(folder):
    return Ledger("kafka", remove=bool)


def test_a_folder_without_ledgers_holds_nothing(folder):
    kept = read_ledgers(folder)
    assert (kept.remaining, kept.created, kept.removed) == ((), {}, {})


def test_a_ledger_that_was_never_used_makes_no_file(folder, kafkas):
    assert len(kafkas) == 0
    assert kafkas.claim() is None
    assert not folder.exists()


def test_what_is_created_stays_until_it_is_removed(folder, kafkas):
    first = kafkas.created("a", url="http://h/a")
    kafkas.created("b")
    assert [entry.id for entry in read_ledgers(folder).remaining] == ["a", "b"]
    kafkas.removed(first)
    kafkas.removed(first)  # twice is once
    kept = read_ledgers(folder)
    assert [entry.id for entry in kept.remaining] == ["b"]
    assert (kept.created, kept.removed) == ({"kafka": 2}, {"kafka": 1})
    assert first.facts == {"url": "http://h/a"}


def test_an_attempt_that_was_refused_leaves_nothing(folder, kafkas):
    with kafkas.attempt(name="x") as attempt:
        assert len(read_ledgers(folder).remaining) == 1  # before the answer is there, on disk already
        attempt.refused()
    kept = read_ledgers(folder)
    assert (kept.remaining, kept.created, kept.removed) == ((), {}, {})
    assert len(kafkas) == 0


def test_an_attempt_whose_answer_was_lost_is_found_by_its_facts(folder, kafkas):
    with pytest.raises(TimeoutError), kafkas.attempt(name="x"):
        raise TimeoutError
    (entry,) = read_ledgers(folder).remaining
    assert (entry.id, entry.facts) == (None, {"name": "x"})
    assert kafkas.claim() is None  # it has no id to remove it by


def test_an_attempt_that_nobody_spoke_of_may_have_made_something(folder, kafkas):
    with kafkas.attempt(name="x"):
        pass  # an answer with the status 0, as Locust's clients give a timeout
    (entry,) = read_ledgers(folder).remaining
    assert (entry.id, entry.facts) == (None, {"name": "x"})


def test_facts_of_any_kind_can_be_kept(folder, kafkas):
    kafkas.created(UUID(int=5), path=Path("a/b"))
    (entry,) = read_ledgers(folder).remaining
    assert (entry.id, entry.facts) == (str(UUID(int=5)), {"path": "a/b"})


def test_a_line_that_a_full_disk_cut_off_takes_no_other_with_it(folder, kafkas, monkeypatch):
    kafkas.created("a")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:20]))
    with pytest.raises(OSError, match="the ledger of kafka cannot be written"):
        kafkas.created("b")
    monkeypatch.undo()
    monkeypatch.setenv("LOADPROOF_LEDGERS", str(folder))
    kafkas.created("c")
    assert [entry.id for entry in read_ledgers(folder).remaining] == ["a", "c"]


def test_an_attempt_that_succeeded_knows_both_name_and_id(folder, kafkas):
    with kafkas.attempt(name="x") as attempt:
        attempt.created("a", url="u")
    (entry,) = read_ledgers(folder).remaining
    assert (entry.id, entry.facts) == ("a", {"name": "x", "url": "u"})
    assert kafkas.remaining() == (entry,)


def test_nobody_claims_what_somebody_else_is_removing(folder, kafkas):
    kafkas.created("a")
    kafkas.created("b")
    first, second = kafkas.claim(), kafkas.claim()
    assert {first.id, second.id} == {"a", "b"}
    assert kafkas.claim() is None
    kafkas.give_back(second)
    assert kafkas.claim() == second
    kafkas.removed(second)
    assert kafkas.remaining() == (first,)


def test_a_line_that_was_cut_off_hides_no_other(folder, kafkas):
    kafkas.created("a")
    (path,) = folder.iterdir()
    with path.open("a") as ledger:
        ledger.write('{"happened": "created", "kind": "kaf')
    assert [entry.id for entry in read_ledgers(folder).remaining] == ["a"]


def test_a_cleanup_of_another_process_counts(folder, kafkas):
    entry = kafkas.created("a")
    line = {"happened": "removed", "kind": "kafka", "key": entry.key}
    (folder / "cleanup-1.jsonl").write_text(json.dumps(line) + "\n")
    kept = read_ledgers(folder)
    assert (kept.remaining, kept.removed) == ((), {"kafka": 1})


def test_a_forked_worker_begins_with_nothing_and_writes_its_own_file(folder, kafkas):
    kafkas.created("of the parent")
    child = os.fork()
    if not child:
        mine = len(kafkas) == 0
        kafkas.created("of the child")
        os._exit(0 if mine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert {entry.id for entry in read_ledgers(folder).remaining} == {"of the parent", "of the child"}
    assert len(list(folder.iterdir())) == 2
    assert len({entry.key for entry in read_ledgers(folder).remaining}) == 2


def test_ledgers_are_for_their_owner_alone(folder, kafkas):
    kafkas.created("a")
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_tag_of_a_run_is_a_word_that_names_can_hold(folder):
    assert run_tag() == "20261121-120000-ab12cd"


def test_without_a_run_the_ledger_is_in_the_reports(tmp_path, monkeypatch):
    monkeypatch.delenv("LOADPROOF_LEDGERS", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Ledger, "known", {})
    Ledger("kafka", remove=bool).created("a")
    (folder,) = (tmp_path / "reports/ledgers").iterdir()
    assert [entry.id for entry in read_ledgers(folder).remaining] == ["a"]
    assert run_tag() == folder.name.replace("_", "-")
