from __future__ import annotations

import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from components.amt.samplers.blas_threads import one_blas_thread


def blas_threads() -> set[int]:
    """Ask every BLAS copy in the process for its number of threads."""
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_blas_has_one_thread_inside_and_what_it_had_afterwards() -> None:
    """The limit holds for numpy's and scipy's BLAS, ends with the block, also after an error."""
    with threadpool_limits(2, user_api="blas"):
        with one_blas_thread():
            assert blas_threads() == {1}
        with pytest.raises(RuntimeError), one_blas_thread():
            raise RuntimeError("in between")

        assert blas_threads() == {2}


def test_two_proposals_at_once_leave_the_setting_as_it_was() -> None:
    """Blocks of two threads do not overlap, so neither restores the other's limit."""
    first_is_in, may_leave = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with one_blas_thread():
            first_is_in.set()
            may_leave.wait(20)
            order.append("first")

    def second() -> None:
        with one_blas_thread():
            order.append("second")

    with threadpool_limits(2, user_api="blas"):
        threads = [threading.Thread(target=first), threading.Thread(target=second)]
        threads[0].start()
        assert first_is_in.wait(20)
        threads[1].start()
        may_leave.set()
        for thread in threads:
            thread.join(20)

        assert order == ["first", "second"]
        assert blas_threads() == {2}
