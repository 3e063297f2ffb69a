"""Tests of data: foreign files to rows, rows to splits."""
