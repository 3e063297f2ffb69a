"""The window, its pages, and the threads behind them."""
