"""Where tables live: files, folders and databases; the ways in and the guarded way out."""
