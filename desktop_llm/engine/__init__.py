"""Runs a run folder to its end, in a thread, in a process or from the command line; speaks only events."""
