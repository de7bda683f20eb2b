"""Seeds for named streams of randomness.

There is no hidden random state: every draw of a run (initial weights, permutation, augmentation, dropout, ...) comes
from a generator seeded by (run seed, stream name, indices such as epoch or step). A checkpoint therefore holds no
generator state, and a resumed run has nothing to fast-forward.
"""

from __future__ import annotations

import hashlib


def stream_seed(seed: int, stream: str, *indices: int) -> int:
    """A 63-bit seed for one draw of one stream: the same on every machine and Python version.

    >>> stream_seed(0, "permutation", 1) == stream_seed(0, "permutation", 1)
    True
    >>> stream_seed(0, "permutation", 1) == stream_seed(0, "permutation", 2)
    False
    """
    key = "/".join([str(seed), stream, *map(str, indices)])
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") >> 1
