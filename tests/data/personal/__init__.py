"""Personal data: what is found and what is left alone, masks and pseudonyms."""
