"""One self-contained page for people."""
