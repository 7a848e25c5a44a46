"""Work on several processes or machines: process pool, Dask cluster, job queue, resumable rows."""
