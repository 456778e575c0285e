#!/usr/bin/env python3
"""Each forbidden edge, planted in a small tree, is found; each allowed one is not."""
import pathlib
import tempfile
import unittest

import check_includes


def problems_of(file, line):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / file
        path.parent.mkdir(parents=True)
        path.write_text(f"#pragma once\n{line}\n")
        return check_includes.check(pathlib.Path(folder))


class CheckIncludesTest(unittest.TestCase):
    def assert_forbidden(self, file, line, words):
        problems = problems_of(file, line)
        self.assertEqual(len(problems), 1, f"{file}: {line}")
        self.assertIn(f"{file}:2: ", problems[0])
        self.assertIn(words, problems[0])

    def test_a_lower_folder_may_not_include_a_higher_one(self):
        self.assert_forbidden("core/a.h", '#include "protocol/frame.h"', "core/ may not")
        self.assert_forbidden("protocol/a.cc", '#include "profiles/profile.h"', "protocol/ may not")
        self.assert_forbidden("protocol/policies/a.cc", '#include "sim/clock.h"', "include sim/")
        self.assert_forbidden("profiles/a.h", '#  include "protocol/frame.h"', "include protocol/")
        self.assert_forbidden("experiments/a.h", '#include "sim/clock.h"', "include sim/")
        self.assert_forbidden("sim/a.cc", '#include "cli/main.h"', "include cli/")
        self.assert_forbidden("sim/a.cc", '#include "runtime/serve/agent.h"', "include runtime/")

    def test_simgrid_stays_in_the_sources_of_sim_and_their_tests(self):
        for file in ("sim/world.h", "protocol/a.cc", "cli/simulate.cc", "tests/core/a_test.cc"):
            self.assert_forbidden(file, "#include <simgrid/s4u.hpp>", "SimGrid is for")
        for file in ("sim/world.cc", "tests/sim/world_test.cc", "tests/bench/round.cc"):
            self.assertEqual(problems_of(file, "#include <simgrid/s4u.hpp>"), [])

    def test_own_headers_are_included_from_the_root_and_in_quotes(self):
        self.assert_forbidden("core/a.cc", '#include "units.h"', "repository's root")
        self.assert_forbidden("core/a.cc", "#include <core/units.h>", 'write "core/units.h"')

    def test_allowed_edges_pass(self):
        for file, header in (("protocol/a.h", "core/units.h"), ("sim/a.h", "experiments/scenario.h"),
                             ("cli/a.cc", "sim/run.h"), ("tests/sim/a.cc", "tests/sim/b.h"),
                             ("core/a.cc", "core/a.h")):
            self.assertEqual(problems_of(file, f'#include "{header}"'), [])


if __name__ == "__main__":
    unittest.main()
