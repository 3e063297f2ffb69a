"""Readers of foreign files, one file per format family."""
