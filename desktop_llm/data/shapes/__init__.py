"""What rows of other tools mean: recognised from the first of them, turned into cells that all tasks understand.

The cells: `text`; `label` (one name) or `labels` (a list); `spans`, a list of objects with `start`, `end` (exclusive)
and `label`, counted in Unicode code points; `source` and `target`; `messages`, a list of objects with `role` and
`content`; `prompt`, `chosen` and `rejected`. Whatever else a row has stays under its own name.
"""
