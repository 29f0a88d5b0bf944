"""The report: one HTML page out of the JSON files below ``results/``, and of nothing else.

``results`` reads the files and remembers what was shown, ``markup`` and ``charts`` make HTML and SVG, each section of
the page is a function of the results in a module of its own, ``page`` puts them together. What no section shows is
listed in the appendix, so that nothing in the files is hidden.
"""
