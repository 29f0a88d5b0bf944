"""Graphs, files of them, walks, contexts."""
