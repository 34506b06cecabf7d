"""`lofi-worker`: one inference process. The broker starts it and tells it where to connect."""

from __future__ import annotations

from lofi_worker.orphan import die_with_parent


def main() -> None:
    die_with_parent()
    from lofi_worker.serve import serve  # takes a tenth of a second and more, in which the broker may die

    serve()


if __name__ == "__main__":
    main()
