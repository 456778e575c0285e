#!/usr/bin/env python3
"""Each forbidden edge, planted in a small tree, is found; each allowed one is not."""
import pathlib
import tempfile
import unittest

import check_includes


def problems_of(file, line, **others):
    """Of a tree of one file of that line; `others`: a line each of runtime/model/<name>.h."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        others = {f"runtime/model/{name}.h": text for name, text in others.items()}
        for name, text in {file: line, **others}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"#pragma once\n{text}\n")
        return check_includes.check(root)


class CheckIncludesTest(unittest.TestCase):
    def assert_forbidden(self, file, line, words):
        problems = problems_of(file, line)
        self.assertEqual(len(problems), 1, f"{file}: {line}")
        self.assertIn(f"{file}:2: ", problems[0])
        self.assertIn(words, problems[0])

    def test_a_lower_folder_may_not_include_a_higher_one(self):
        self.assert_forbidden("core/a.h", '#include "protocol/frame.h"', "core/ may not")
        self.assert_forbidden("world/a.h", '#include "protocol/frame.h"', "world/ may not")
        self.assert_forbidden("protocol/a.cc", '#include "profiles/profile.h"', "protocol/ may not")
        self.assert_forbidden("protocol/policies/a.cc", '#include "sim/clock.h"', "include sim/")
        self.assert_forbidden("profiles/a.h", '#  include "protocol/frame.h"', "include protocol/")
        self.assert_forbidden("experiments/a.h", '#include "sim/clock.h"', "include sim/")
        self.assert_forbidden("sim/a.cc", '#include "cli/main.h"', "include cli/")
        self.assert_forbidden("sim/a.cc", '#include "runtime/serve/agent.h"', "include runtime/")

    def test_the_rooms_of_experiments_have_an_order_too(self):
        self.assert_forbidden("experiments/scenario/a.h", '#include "experiments/results/b.h"',
                              "experiments/scenario/ may not include experiments/results/")
        self.assertEqual(problems_of("experiments/results/a.cc",
                                     '#include "experiments/watch/recorder.h"'), [])

    def test_simgrid_stays_in_the_sources_of_sim_and_their_tests(self):
        for file in ("sim/world.h", "protocol/a.cc", "cli/simulate.cc", "tests/core/a_test.cc"):
            self.assert_forbidden(file, "#include <simgrid/s4u.hpp>", "SimGrid is for")
        for file in ("sim/world.cc", "tests/sim/world_test.cc", "tests/bench/round.cc"):
            self.assertEqual(problems_of(file, "#include <simgrid/s4u.hpp>"), [])

    def test_sim_and_runtime_do_not_know_each_other(self):
        self.assert_forbidden("runtime/serve/a.cc", '#include "sim/clock.h"', "include sim/")
        self.assert_forbidden("experiments/a.h", '#include "runtime/model/a.h"', "include runtime/")

    def test_torch_stays_in_the_sources_of_runtime_and_their_tests(self):
        for file in ("runtime/session/a.h", "runtime/model/a.h", "cli/generate.cc", "core/a.cc",
                     "tests/cli/a_test.cc", "sim/a.cc"):
            for header in ("torch/torch.h", "ATen/ATen.h", "c10/core/Device.h"):
                self.assert_forbidden(file, f"#include <{header}>", "torch is for")
        for file in ("runtime/model/a.cc", "runtime/session/a.cc", "tests/runtime/model/a_test.cc"):
            self.assertEqual(problems_of(file, "#include <torch/torch.h>"), [])

    def test_tensors_alone_are_for_headers_of_model_and_train(self):
        for file in ("runtime/model/a.h", "runtime/train/a.h"):
            self.assertEqual(problems_of(file, "#include <ATen/core/Tensor.h>"), [])
        self.assert_forbidden("runtime/session/a.h", "#include <ATen/core/Tensor.h>", "torch is for")

    def test_torch_meets_neither_fmt_nor_protobuf_in_one_file(self):
        for header in ("fmt/format.h", "google/protobuf/message.h"):
            both = f"#include <torch/torch.h>\n#include <{header}>"
            self.assertIn("in one file", problems_of("runtime/model/a.cc", both)[0])

    def test_torch_and_fmt_are_kept_apart_through_our_own_headers_too(self):
        lines = '#include <torch/torch.h>\n#include "runtime/model/a.h"'
        apart = problems_of("runtime/model/a.cc", lines, a='#include "runtime/model/b.h"', b="")
        self.assertEqual(apart, [])
        found = problems_of("runtime/model/a.cc", lines, a='#include "runtime/model/b.h"',
                            b="#include <fmt/format.h>")
        self.assertEqual(found, ["runtime/model/a.cc:1: <fmt/...> and torch meet in one file"])

    def test_own_headers_are_included_from_the_root_and_in_quotes(self):
        self.assert_forbidden("core/a.cc", '#include "units.h"', "repository's root")
        self.assert_forbidden("core/a.cc", "#include <core/units.h>", 'write "core/units.h"')

    def test_allowed_edges_pass(self):
        for file, header in (("protocol/a.h", "core/units.h"), ("protocol/a.h", "world/channel.h"),
                             ("sim/a.h", "experiments/scenario/scenario.h"),
                             ("cli/a.cc", "sim/run.h"), ("tests/sim/a.cc", "tests/sim/b.h"),
                             ("core/a.cc", "core/a.h"), ("runtime/a.cc", "protocol/ports.h")):
            self.assertEqual(problems_of(file, f'#include "{header}"'), [])


if __name__ == "__main__":
    unittest.main()
