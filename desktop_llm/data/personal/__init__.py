"""Personal data in texts: found (`find`), blacked out or replaced by pseudonyms (`masking`). Nothing is written.

What is found has a check digit, an unmistakable form, or a number that some country's rules allow; order numbers,
dates, prices and versions are left alone. Names and addresses are not looked for.
"""
