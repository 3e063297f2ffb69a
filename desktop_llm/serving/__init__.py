"""Answers to other programs over HTTP: a process of its own that holds one export. No Qt, no SQL, no project."""
