"""The steps of one client era: each is a named promise to users, run in order against a hub and reported as JSON.

`python main.py --list` prints the names; `python main.py` reads its facts as JSON from the standard input and
writes one line per finished step to file descriptor 3.
"""

import functools
import json
import os
import pathlib
import sys
import time
import traceback

from calls import watch

_steps = []


def step(name, when=lambda lane: True):
    """Register a function as a step. `when` tells which lanes have it; it sees the lane, before anything is imported."""

    def register(run):
        _steps.append((name, run, when))
        return run

    return register


def prepared(make):
    """What several steps need: made once per lane, by the first that asks."""
    return functools.cache(make)


class Lane:
    """One client era: its name, the hub that it talks to, the people of that hub, and a folder of its own."""

    def __init__(self, name, facts=None):
        self.name = name
        self.era = name.removeprefix("hub-").split("-")[0].split(" ")[0]
        self.has_xet = "plain" not in name and os.environ.get("HF_HUB_DISABLE_XET") != "1"
        if facts is None:
            return
        self.endpoint = facts["endpoint"]
        self.tokens = facts["tokens"]
        self.large_files = facts.get("largeFiles", [])
        self.work = pathlib.Path(facts["work"])

    @property
    def version(self):
        """`(2, 4)` for the lane of huggingface_hub 2.4.0."""
        return tuple(int(part) for part in self.era.split(".")[:2])

    def repo(self, name, owner="ada"):
        """Name of a repository that is this lane's alone."""
        words = self.name.replace(" ", "-").replace(".", "-").replace("_", "-").lower()
        return f"{owner}/{words}-{name}"

    def folder(self, name):
        """A new folder for this lane."""
        path = self.work / name
        path.mkdir(parents=True)
        return path

    def api(self, person="ada"):
        """The client of a person; of nobody when `person` is None."""
        from huggingface_hub import HfApi

        return watch(HfApi)(endpoint=self.endpoint, token=self.token(person))

    def token(self, person):
        return False if person is None else self.tokens[person]


def main():
    lane_name = os.environ["LANE"]
    chosen = [(name, run) for name, run, when in _steps if when(Lane(lane_name))]
    if "--list" in sys.argv:
        json.dump([name for name, _ in chosen], sys.stdout)
        return
    lane = Lane(lane_name, json.load(sys.stdin))
    lane.work.mkdir(parents=True)
    # Set before any step imports the client. Nothing of the home of whoever runs the tests is read or written.
    home = str(lane.folder("home"))
    os.environ.update(HF_ENDPOINT=lane.endpoint, HF_HOME=home, HOME=home)
    with os.fdopen(3, "w") as reports:
        for name, run in chosen:
            started = time.monotonic()
            failure = None
            try:
                run(lane)
            except Exception:
                failure = traceback.format_exc()
            report = {"step": name, "seconds": time.monotonic() - started, "failure": failure}
            reports.write(json.dumps(report) + "\n")
            reports.flush()
