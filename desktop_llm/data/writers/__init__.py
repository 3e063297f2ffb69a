"""Writers of foreign files, one file per format family; what they cannot hold they refuse, row by name."""
