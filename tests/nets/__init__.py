"""Tests of nets."""
