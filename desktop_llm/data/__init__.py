"""Foreign files to rows, and labelled rows to a frozen snapshot."""
