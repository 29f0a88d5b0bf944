"""The host end of the link, and whatever else carries words to a unit."""
