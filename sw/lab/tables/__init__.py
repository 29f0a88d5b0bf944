"""``skipwalk lab tables``: tables of README and docs/ out of the files of results/."""
