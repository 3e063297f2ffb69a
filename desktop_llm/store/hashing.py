"""By what a text is known again: a hash of its content."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from itertools import pairwise

from desktop_llm.columns import Texts
from desktop_llm.rows import Batch

HASH_BYTES = 16


def content_hash(content: Mapping[str, str]) -> bytes:
    """16 bytes of BLAKE2b over the trimmed fields in their order: two rows with the same one are the same text."""
    joined = "\x1f".join(f"{name}\x1e{text.strip()}" for name, text in content.items())
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()


def digests(batch: Batch) -> bytes:
    """`content_hash` of each row of a batch, one behind the other."""
    if batch.contents is not None:
        return b"".join(
            content_hash({batch.main: text, **others}) for text, others in zip(batch.texts, batch.contents, strict=True)
        )
    begin = hashlib.blake2b(f"{batch.main}\x1e".encode(), digest_size=HASH_BYTES).copy
    found = []
    if isinstance(batch.texts, Texts):
        trimmed = batch.texts.trimmed()
        data, ends = trimmed.data().tobytes(), trimmed.ends().tolist()
        for start, end in pairwise(ends):
            one = begin()
            one.update(data[start:end])
            found.append(one.digest())
        return b"".join(found)
    for text in batch.texts:
        one = begin()
        one.update(text.strip().encode("utf-8", "surrogatepass"))
        found.append(one.digest())
    return b"".join(found)


def parted(digests: bytes) -> list[bytes]:
    """Each of some hashes that lie one behind the other."""
    return list(struct.unpack(f"{HASH_BYTES}s" * (len(digests) // HASH_BYTES), digests))


def key_of(digest: bytes) -> int:
    """The integer by which a text is looked up: the first 8 bytes of its hash, the lowest first."""
    return int.from_bytes(digest[:8], "little", signed=True)


def packed(text: str, content: str | None) -> str:
    """A main text and the JSON of the further fields as one value, as edits keep them."""
    return json.dumps([text, content], ensure_ascii=False, separators=(",", ":"))


def packed_hash(main: str, value: str) -> bytes:
    """`content_hash` of what `packed` made; `main` names the main field."""
    text, content = json.loads(value)
    return content_hash({main: text, **(json.loads(content) if content else {})})
