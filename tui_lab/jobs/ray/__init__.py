"""Runs on a Ray cluster. Ray itself is imported in `cluster.py` alone, in processes of its own.

executor.py   what the commands hold: an `Executor` that talks to a driver process
driver.py     that process: gives runs to seats, and writes the run directories here from what seats tell
cluster.py    all calls of Ray that the driver makes
seat.py       an actor on a node: one worker process, one run after another, in a scratch folder
exchange.py   what of a run directory has changed, read there and written here
parcels.py    the files that a run needs beside its directory, through the object store
child.py      the worker process of a seat, which ends with it
address.py    which cluster is meant, and whether it may be talked to
survey.py     nodes and versions, for `tui-lab doctor --on ray`
"""
