"""Tests of the pages, each with a real hub, a real project and real files."""
