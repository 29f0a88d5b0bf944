"""``python -m skipwalk.sw.lab.tables``: tables of README and docs/ out of the files of results/."""
