"""What every client era of huggingface_hub must be able to do."""

# ruff: noqa: F401
import people
import popularity
import repos
import uploads
import commits
import refs
import listings
import facts
import downloads
import filesystem
import descriptions
import lifecycle
import large_files
import buckets
import command_line
import methods
from lane import main

if __name__ == "__main__":
    main()
