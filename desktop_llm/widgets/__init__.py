"""Qt parts that pages and task screens share; they take data and emit signals, and know no store and no torch."""
