"""Side-by-side timings: kronmix against the same work by hand or by another library, as ratios in one run.

``make bench``, or ``python -m benchmarks [NAME ...]``. Rows are listed in ``ROWS`` of each module here.
"""
