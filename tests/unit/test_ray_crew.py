"""Who gets which task, and whose fault a death is: plain calls, no Ray."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

import pytest

from lofi_batch.engine import Failed
from lofi_batch.manifest import RowError
from lofi_batch.ray_crew import PATIENCE_SEC, WAITING, Crew, Give, Load, Member
from lofi_batch.ray_messages import Loaded, Missing, Ready, Source, Unable
from lofi_batch.ray_tasks import Task
from lofi_common.errors import ModelLoadFailed
from tests.unit.batches import row_of, spec_of_row

SLOTS = 2
TINY = Source(name="tiny", version="tiny-1", manifest=b"")
LARGE = Source(name="large", version="large-1", manifest=b"")


def task(number: int, source: Source = TINY) -> Task:
    row = row_of(number)
    return Task(f"track{number}", spec_of_row(row, source.version), source, [row])


def crew(members: int, tasks: Iterator[Task | Failed], *, ready: bool = True) -> Crew:
    made = Crew(tasks)
    made.members += [Member() for _ in range(members)]
    if ready:
        for number, order in enumerate(list(made.orders())):
            assert isinstance(order, Load)
            made.loaded(order.member, answer(f"n{number}", "a", order.source), {"n0", "n1"})
    return made


def answer(node: str, life: str, source: Source = TINY, words: str = "") -> Ready:
    return Ready(
        node=node,
        life=life,
        pid=1,
        model_version=source.version,
        device="cpu",
        slots=SLOTS,
        rss=1,
        load_sec=0.0,
        fetched=False,
        last_words=words,
    )


def given(made: Crew) -> list[tuple[Member, Task]]:
    orders = list(made.orders())
    assert all(isinstance(order, Give) for order in orders)
    return [(order.member, order.task) for order in orders if isinstance(order, Give)]


def numbers(orders: list[tuple[Member, Task]]) -> list[int]:
    return [each.rows[0].row for _, each in orders]


def test_only_as_many_tasks_are_read_as_there_is_room_for() -> None:
    read = itertools.count(1)
    made = crew(2, (task(number) for number in read))
    first = given(made)
    room = 2 * (SLOTS + WAITING)
    assert len(first) == room and {len(each.tasks) for each in made.members} == {SLOTS + WAITING}
    assert next(read) <= room + 3  # one waits for the next place
    made.ended(*first[0])
    assert numbers(given(made)) == [room + 1]


def lose(made: Crew, member: Member, words: str = "Socket closed") -> list[int]:
    """All that it has, at once."""
    tasks = list(member.tasks)
    for each in tasks:
        made.lost(member, each, words, 0.0, innocent=False)
    return sorted(each.rows[0].row for each in tasks)


def test_what_falls_with_an_actor_goes_again_alone_and_the_guilty_one_is_set_aside() -> None:
    made = crew(1, iter([task(number) for number in range(1, 5)]))
    (member,) = made.members
    assert len(given(made)) == 4
    assert lose(made, member) == [1, 2, 3, 4]
    assert made.has_more and not list(made.orders())  # nobody knows yet what happened
    made.loaded(member, answer("n0", "b", words="Segmentation fault"), {"n0"})
    alone: list[int] = []
    life = 1
    failed: list[Failed] = []
    while made.has_more:
        ((_, suspect),) = given(made)
        alone.append(suspect.rows[0].row)
        if suspect.rows[0].row == 3:
            lose(made, member)
            life += 1
            made.loaded(member, answer("n0", f"life{life}", words="Segmentation fault"), {"n0"})
        else:
            made.ended(member, suspect)
        failed += made.failed
        made.failed.clear()
    assert [(each.row.row, each.attempts) for each in failed] == [(3, 2)]
    assert failed[0].error.message == "the actor died 2 times on this track: Segmentation fault"
    assert sorted(alone) == [1, 2, 3, 4]


def test_while_a_suspect_is_alone_the_others_go_on() -> None:
    made = crew(2, (task(number) for number in itertools.count(1)))
    given(made)
    one, other = made.members
    lose(made, one)
    made.loaded(one, answer("n0", "b"), {"n0", "n1"})
    ((member, suspect),) = given(made)
    assert member is one and one.alone
    freed = next(iter(other.tasks))
    made.ended(other, freed)
    ((member, fresh),) = given(made)
    assert member is other and not fresh.deaths and len(one.tasks) == 1
    made.ended(one, suspect)
    assert [each for each, _ in given(made)] == [one]  # the next suspect


def test_an_actor_is_drained_for_suspects_whose_own_one_stays_away() -> None:
    made = crew(2, (task(number) for number in itertools.count(1)))
    given(made)
    one, other = made.members
    fallen = lose(made, one)
    made.loaded(one, answer("n0", "b"), {"n0", "n1"})
    given(made)
    lose(made, one)  # again, and now it does not come back
    for each in list(other.tasks):
        assert not given(made)
        made.ended(other, each)
    ((member, suspect),) = given(made)
    assert member is other and other.alone and suspect.rows[0].row in fallen


@pytest.mark.parametrize("what", ["node", "network", "preempted"])
def test_nobody_is_to_blame(what: Literal["node", "network", "preempted"]) -> None:
    """The node is gone; the process lives after all; Ray has taken it away."""
    made = crew(1, iter([task(number) for number in range(1, 5)]))
    (member,) = made.members
    given(made)
    for each in list(member.tasks):
        made.lost(member, each, "gone", 0.0, innocent=what == "preempted")
    if what == "node":
        made.judge({"n1"}, 1.0)
        made.loaded(member, answer("n1", "b"), {"n1"})
    elif what == "network":
        made.loaded(member, answer("n0", "a"), {"n0"})
    else:
        made.loaded(member, answer("n0", "b"), {"n0"})
    again = given(made)
    assert sorted(numbers(again)) == [1, 2, 3, 4] and not any(each.deaths for _, each in again)


def test_who_stays_away_on_a_node_that_lives_is_not_waited_for() -> None:
    made = crew(2, iter([task(number) for number in range(1, 9)]))
    one, other = made.members
    given(made)
    fallen = lose(made, one)
    one.loading = True  # it was asked how it is
    for each in list(other.tasks):
        made.ended(other, each)
    made.judge({"n0", "n1"}, PATIENCE_SEC - 1)
    assert one.fallen and not given(made)
    made.judge({"n0", "n1"}, PATIENCE_SEC + 1)
    alone: list[int] = []
    while made.has_more:
        ((member, suspect),) = given(made)
        assert member is other and len(suspect.deaths) == 1
        alone.append(suspect.rows[0].row)
        made.ended(member, suspect)
    assert sorted(alone) == fallen


def test_an_actor_that_is_gone_gives_back_what_it_had() -> None:
    made = crew(2, iter([task(number) for number in range(1, 9)]))
    one, other = made.members
    given(made)
    had = sorted(each.rows[0].row for each in one.tasks)
    made.gone(one)
    for each in list(other.tasks):
        made.ended(other, each)
    assert sorted(numbers(given(made))) == had and made.members == [other]


def test_a_node_that_can_t_write_gets_nothing_while_others_can() -> None:
    made = crew(2, (task(number) for number in itertools.count(1)))
    one, other = made.members
    given(made)
    for each in list(one.tasks):
        made.ended(one, each)
        assert made.refused(one)
        made.put_back(each)
    assert not given(made)  # the other one is full
    free = next(iter(other.tasks))
    made.ended(other, free)
    assert [member for member, _ in given(made)] == [other]
    assert not made.refused(other)  # now it is nobody's own fault
    assert {member for member, _ in given(made)} == {one}


def test_who_holds_another_model_is_no_other_one_that_could_write() -> None:
    """Else the track would be made for ever, where it can't be written."""
    made = crew(2, iter([task(1), task(2, LARGE)]))
    _, order = made.orders()
    assert isinstance(order, Load)
    made.loaded(order.member, answer("n1", "a", LARGE), {"n0", "n1"})
    assert numbers(given(made)) == [2]
    assert not made.refused(order.member)


def test_an_actor_changes_the_model_when_it_is_idle() -> None:
    made = crew(1, iter([task(1), task(2), task(3, LARGE)]))
    (member,) = made.members
    one, two = given(made)
    made.ended(*one)
    assert not list(made.orders())
    made.ended(*two)
    (order,) = made.orders()
    assert order == Load(member, LARGE)
    assert not list(made.orders())  # it loads
    made.loaded(member, answer("n0", "a", LARGE), {"n0"})
    assert numbers(given(made)) == [3]


def test_a_model_that_no_node_can_load_is_an_error() -> None:
    made = crew(2, iter([task(1)]), ready=False)
    error = ModelLoadFailed("damaged").info()
    orders = list(made.orders())
    assert [type(order) for order in orders] == [Load, Load]
    answers: list[Loaded] = [
        Unable(node="n0", life="a", error=error, last_words=""),
        answer("n1", "a"),
    ]
    for order, each in zip(orders, answers, strict=True):
        made.loaded(order.member, each, {"n0", "n1"})
    ((member, only),) = given(made)  # the other one can
    assert member is made.members[1]
    made.put_back(only)
    made.ended(member, only)
    member.ready, member.unable = None, {"tiny-1": ModelLoadFailed("damaged")}
    with pytest.raises(ModelLoadFailed, match="damaged"):
        list(made.orders())


def test_who_waits_for_a_model_gets_nothing() -> None:
    made = crew(1, iter([task(1)]), ready=False)
    (order,) = made.orders()
    made.loaded(order.member, Missing(node="n0", life="a", last_words=""), {"n0"})
    assert made.members[0].missing and not list(made.orders())


def test_rows_that_can_t_be_made_come_in_portions() -> None:
    wrong = (Failed(row_of(n), RowError(code="INVALID_DURATION", message="long"), 1) for n in range(5000))
    made = crew(1, itertools.chain(wrong, [task(1)]), ready=False)
    seen = 0
    while made.has_more and not list(made.orders()):
        assert 0 < len(made.failed) <= 1000
        seen += len(made.failed)
        made.failed.clear()
    assert seen + len(made.failed) == 5000
