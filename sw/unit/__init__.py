"""What the host does alike with all units."""
