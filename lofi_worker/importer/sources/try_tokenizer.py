"""Opens the tokenizer on stdin, within limits, and prints what it does: for `tokenizer.py`, as a child.

The file of a tokenizer can ask its library for any amount of memory, and the library answers a refusal by
ending the process: a table may claim to have 4 GiB, and steps that each make two letters of one make as many
as they like.
"""

import json
import resource
import string
import sys

from tokenizers import Tokenizer

MEMORY_BYTES = 2**30  # T5's tokenizer takes 50 MB
PROCESSOR_SEC = 20  # and 0.1 s
TEXT = (f"a slow beat {string.printable}" * 10)[:1000]  # as long as a prompt may be


REFUSED, TOO_MUCH = 3, 4
"""Exit statuses: it is no tokenizer; it took more than it may. Any other failure is not the file's."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SEC, PROCESSOR_SEC + 1))
    if sys.platform == "linux":  # other systems do not hold a process to it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    data = sys.stdin.buffer.read()
    try:
        tokenizer = Tokenizer.from_buffer(data)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokens = len(tokenizer.encode(TEXT).ids)
        largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    except MemoryError:
        sys.exit(TOO_MUCH)
    except Exception as error:  # the library has no class of its own for what it refuses
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    print(json.dumps({"tokens": tokens, "largest": largest}))


if __name__ == "__main__":
    main()
