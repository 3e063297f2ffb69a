"""Hold-outs: every way to split, and that no row changes sides."""
