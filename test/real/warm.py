#!/usr/bin/env python3
"""A lab as one is after its first pipeline: the network joined, the plugin at Connect.

The runner does this with each lab but the first: what the first pipeline of a lab
meets is 10_demo.t's, and the deadlines of others do not count with an installation.
"""
from lib import *


def test():
    database = make_database()
    source(database).rows("CREATE TABLE t (id int PRIMARY KEY)")
    id_ = create(None, ["t"], database)
    running_ok(id_, "the first pipeline of the lab runs", 240)
    delete(id_)
    gone_ok(id_, "and is gone", 120)


main(test)
