"""A sequence of fetches on the disk: a crawl has as many as a site has pages."""

from __future__ import annotations

import pickle
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from connectors.records import Fetch


class Spool(Sequence[Fetch]):
    """Fetches in the order in which they came, in a file that goes when the spool does."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="juesuan-fetches-")  # noqa: SIM115
        self._starts = array("Q")

    def append(self, fetch: Fetch) -> None:
        self._starts.append(self._file.seek(0, 2))
        pickle.dump(fetch, self._file)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Fetch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Fetch]: ...
    def __getitem__(self, index: int | slice) -> Fetch | Sequence[Fetch]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        self._file.seek(self._starts[index])
        fetch: Fetch = pickle.load(self._file)
        return fetch

    def __iter__(self) -> Iterator[Fetch]:
        for place in range(len(self)):
            yield self[place]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(
            one == two for one, two in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]
