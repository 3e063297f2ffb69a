"""What needs a CUDA device: run with `-m gpu` where one is."""
