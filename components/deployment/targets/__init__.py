"""Places a champion can be served from, one file each; they do not know each other."""
