"""The science of this project, repeatable by seed: ``skipwalk lab experiments`` (``make experiments``).

An *experiment* is one file here: parameter sets (*points*), a function that runs one of them with one seed, and how its
numbers are called. A point with a seed is a *trial*. Its record is ``runs/KEY.json`` in the output folder; the key
follows from experiment, parameters, seed, data and the source text that the result depends on, so a sweep that was
interrupted goes on, and one whose code or data have changed starts anew. Trials run in processes of this machine or on
the workers of a Dask cluster, with equal results.

What comes out (``summary.json``, and ``--json FILE``) is one flat list, as :mod:`skipwalk.sw.results.report` writes it.
For every point of an experiment, with POINT a dotted name such as ``cora.static.oselm.d32``:

    {"name": "POINT.MEASURE",         "value": mean over the seeds,          "unit", "better"}
    {"name": "POINT.MEASURE.spread",  "value": half width of the 95 % t-interval of that mean; absent for one seed}
    {"name": "POINT.MEASURE.runs",    "value": [one number for each seed, in the order of "seeds"]}
    {"name": "POINT.CURVE",           "value": [means], "spread": [half widths] or null, "x": [...],
                                      "unit", "x_unit", "better"}

The last entry, ``provenance``, has besides commit, versions and machine: ``seeds`` (by experiment), ``titles`` (by
experiment), ``labels`` (for people, by POINT), ``kept`` (with ``--keep``: the commit of each POINT that an earlier
report had), ``skipped`` (what was left out, and why), ``run_commits`` (those under
which the records were made) and ``cpu_seconds`` (by experiment).
"""
