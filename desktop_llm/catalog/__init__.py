"""Model folders in Hugging Face layout, looked at without loading them: what each is, and what can start from it."""
