"""Blocks of span bodies: one OTLP ScopeSpans message each, compressed by Zstandard.

Spans of one trace repeat each other's keys and texts, so spans that are compressed
together take less space than spans compressed alone. A dictionary trained on stored
spans halves the size again; each block names the dictionary that it needs.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final, TypeVar

import zstandard
from sqlalchemy import Connection, func, insert, select

from spanframe.errors import StoreError
from spanframe_store.otlp.envelope import join_spans
from spanframe_store.sql.schema import dictionaries

__all__ = ["Codec", "Dictionaries", "load_codecs", "portions"]

_COMPRESSION_LEVEL: Final = 3
"""Compression level of Zstandard."""

_MAX_BLOCK_BYTES: Final = 256 << 10
"""Maximum bytes of bodies per block; reading one body decompresses all of them."""

_MAX_MESSAGE_BYTES: Final = 16 << 20
"""Maximum size of a decompressed block, in bytes; a span has at most 4 MiB. A damaged
block may claim to have gigabytes."""

_MIN_PARALLEL_BLOCKS: Final = 16
"""Minimum blocks that are worth one call for all of them."""

_MAX_DICTIONARY_BYTES: Final = 64 << 10
"""Maximum bytes of a dictionary."""

_TRAINING_SPANS: Final = 4000
"""Spans that a dictionary is trained on."""

_MAX_SAMPLE_BYTES: Final = 8 << 10
"""Maximum bytes of one span that training reads."""

_TRAINING_INTERVAL_SPANS: Final = 2_000_000
"""Spans stored between two trainings; what apps send changes over time."""


class Codec:
    """Compresses and decompresses blocks, with one dictionary or with none.

    Safe to share between threads.
    """

    def __init__(self, dictionary: bytes | None = None) -> None:
        self._bytes = dictionary
        self._dictionary = (
            None if dictionary is None else zstandard.ZstdCompressionDict(dictionary)
        )
        # A context of Zstandard serves one thread at a time.
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["Codec"], tuple[bytes | None]]:
        return Codec, (self._bytes,)

    @cached_property
    def _compressor(self) -> zstandard.ZstdCompressor:
        if self._dictionary is not None:
            self._dictionary.precompute_compress(level=_COMPRESSION_LEVEL)
        return zstandard.ZstdCompressor(
            level=_COMPRESSION_LEVEL, dict_data=self._dictionary
        )

    @cached_property
    def _decompressor(self) -> zstandard.ZstdDecompressor:
        return zstandard.ZstdDecompressor(dict_data=self._dictionary)

    def pack(self, blocks: Sequence[Iterable[bytes]]) -> list[bytes]:
        """Return a block for each group of bodies.

        Many blocks are compressed in one call, during which other threads run. After a
        call per block, the thread would wait for the interpreter lock each time.
        """
        messages: list[bytes | bytearray | memoryview[int]] = [
            join_spans(bodies) for bodies in blocks
        ]
        with self._lock:
            if len(messages) < _MIN_PARALLEL_BLOCKS:
                return [self._compressor.compress(each) for each in messages]
            packed = self._compressor.multi_compress_to_buffer(messages)
        return [packed[n].tobytes() for n in range(len(packed))]

    def unpack(self, block: bytes) -> bytes:
        """Return a block as the OTLP ScopeSpans message it holds.

        Raises:
            StoreError: when the block cannot be decompressed, or is larger decompressed
                than any block that was written.
        """
        try:
            size = zstandard.frame_content_size(block)
            if size > _MAX_MESSAGE_BYTES:
                raise _damaged(f"it claims to hold {size:,} bytes")
            with self._lock:
                return self._decompressor.decompress(block, _MAX_MESSAGE_BYTES)
        except zstandard.ZstdError as error:
            raise _damaged(str(error)) from error


def _damaged(why: str) -> StoreError:
    return StoreError(
        f"A block of spans cannot be decompressed ({why}): the store is damaged. Run "
        "`spanframe db check` to see what else is damaged."
    )


def load_codecs(
    connection: Connection, keys: Iterable[int] | None = None, *, after: int = 0
) -> Iterator[tuple[int, Codec]]:
    """Yield key and codec of the dictionaries ``keys``, or of all above ``after``."""
    query = select(dictionaries.c.dictionary_key, dictionaries.c.body).where(
        dictionaries.c.dictionary_key > after
        if keys is None
        else dictionaries.c.dictionary_key.in_(list(keys))
    )
    for key, body in connection.execute(query):
        yield key, Codec(body)


T = TypeVar("T")


def portions(spans: Sequence[T], sizes: Iterable[int]) -> Iterator[Sequence[T]]:
    """Yield spans in portions whose bodies fit a block, and larger bodies alone."""
    start = total = 0
    for position, size in enumerate(sizes):
        if position > start and total + size > _MAX_BLOCK_BYTES:
            yield spans[start:position]
            start, total = position, 0
        total += size
    yield spans[start:]


class Dictionaries:
    """Holds the newest dictionary of a store, and trains the next one.

    Not thread-safe: one writer owns it.
    """

    def __init__(self) -> None:
        self._key: int | None = None
        self._codec = Codec()
        self._samples: list[bytes | bytearray | memoryview[int]] = []
        self._until_training = 0

    def current(self, connection: Connection) -> tuple[int | None, Codec]:
        """Return key and codec of the newest dictionary, of whatever writer."""
        newest = connection.execute(select(func.max(dictionaries.c.dictionary_key)))
        key = newest.scalar()
        if key != self._key:
            self._key = key
            self._codec = Codec()
            if key is not None:
                [(_, self._codec)] = load_codecs(connection, [key])
                self._wait()
        return self._key, self._codec

    def _wait(self) -> None:
        self._until_training = _TRAINING_INTERVAL_SPANS
        self._samples.clear()

    def sample(self, bodies: Sequence[bytes]) -> bool:
        """Take samples of stored bodies; return whether `train` is due."""
        self._until_training -= len(bodies)
        if self._until_training > 0:
            return False
        self._samples += [body[:_MAX_SAMPLE_BYTES] for body in bodies[:_TRAINING_SPANS]]
        return len(self._samples) >= _TRAINING_SPANS

    def train(self, connection: Connection) -> None:
        """Train a dictionary on the samples and store it."""
        try:
            trained = zstandard.train_dictionary(_MAX_DICTIONARY_BYTES, self._samples)
        except zstandard.ZstdError:
            # The samples have too little in common; later spans may have more.
            self._wait()
            return
        key = (self._key or 0) + 1
        connection.execute(
            insert(dictionaries).values(dictionary_key=key, body=trained.as_bytes())
        )
        self._wait()
