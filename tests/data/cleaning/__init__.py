"""Cleaning: every step by itself, then all of them together."""
