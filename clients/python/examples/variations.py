"""Ten variations of a prompt, by seed: all asked for at once, each told as it is done.

python variations.py "dusty boom bap, upright bass" 30
"""

import asyncio
import sys

from lofi_client import AsyncLofi, LofiError

SEEDS = range(10)


async def variation(lofi: AsyncLofi, prompt: str, seconds: int, seed: int) -> None:
    track = await lofi.make(prompt, duration_sec=seconds, seed=seed)
    print(f"seed {seed}: {track.path}")


async def main(prompt: str, seconds: int) -> None:
    # If one fails, for example because too many tracks wait already, nobody waits for the others.
    async with AsyncLofi.connect() as lofi, asyncio.TaskGroup() as group:
        for seed in SEEDS:
            group.create_task(variation(lofi, prompt, seconds, seed))


if len(sys.argv) != 3:
    sys.exit("usage: variations.py PROMPT SECONDS")
try:
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
except* LofiError as errors:
    sys.exit(str(errors.exceptions[0]))
