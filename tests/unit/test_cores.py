import pytest

from lofi_common.cores import inference_threads


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (64, 4)])
def test_inference_leaves_a_core_free_and_takes_no_more_than_it_gains_by(cores: int, threads: int) -> None:
    assert inference_threads(cores) == threads
