"""joblib's Dask backend, with what it lacks for clusters whose workers come and go."""

from __future__ import annotations

import asyncio
from typing import Any

from joblib._dask import DaskDistributedBackend


class Gone(Exception):
    """Work was cancelled because the scheduler is lost."""


class Backend(DaskDistributedBackend):  # type: ignore[misc]
    """See joblib's documentation of its backend `dask`."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Workers that are there; at least two, since joblib would do all work here for one, and others may join."""
        return max(2, int(super().effective_n_jobs(n_jobs)))

    async def _collect(self) -> None:
        """As joblib's, but failures of the cluster itself are handed on; joblib 1.6 waits for ever after them."""
        while self._continue:
            async for future, result in self.waiting_futures:
                waiting = self._results.pop(future)
                callback = self._callbacks.pop(future)
                if future.status != "finished":
                    result = result[1] if future.status == "error" else Gone("its scheduler does not answer any more")
                waiting.set_result(result)
                callback(result)
            await asyncio.sleep(0.01)

    def retrieve_result_callback(self, out: Any) -> Any:
        """The result of a batch of tasks; raises what the batch, or the cluster, raised."""
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)
