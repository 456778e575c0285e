#!/usr/bin/env python3
"""Many short requests to one cloud: when they have ended it holds what it held after the first of them.

As a test 300 requests over 6 devices. By hand, for as many as one likes:

    HAT_BIN_DIR=build/release/bin python3 tests/runtime/testbed/soak_test.py --requests 10000 --devices 30
"""
import argparse
import csv
import pathlib
import sys
import time
import unittest

from live_case import BIN, MODEL, ROOT, LiveCase, Program, eventually

REQUESTS, DEVICES = 300, 6
TOKENS = 8
GROWTH_KB = 4_000  # of a cloud's memory, from the first tenth of the requests on: its allocator's
SCENARIO = f"""
name = "soak"
[system]
name = "hat"
[model]
shape = "{MODEL}/config.json"
device_layers = 2
wire_dtype = "float16"
[[fleet.class]]
name = "any"
count = %(devices)d
profiles = ["{ROOT}/profiles/data/epyc-7003-1t_small_device.json"]
[link]
[link.up]
rate_mbps = 1000
[link.down]
rate_mbps = 1000
[cloud]
profile = "{ROOT}/profiles/data/epyc-7003-1t_small_cloud.json"
memory_gb = 1
[workload]
rate_per_s = 100_000
requests = %(requests)d
[workload.prompts]
kind = "csv"
path = "prompts.csv"
column = "prompt_tokens"
[workload.outputs]
kind = "constant"
tokens = {TOKENS}
"""


def write_short_prompts(path):
    with open(MODEL / "prompts.csv", encoding="utf-8") as file, open(path, "w", encoding="utf-8") as short:
        short.write("prompt_row,genre,prompt_tokens,token_ids\n")
        for row in csv.DictReader(file):
            ids = row["token_ids"].split()[:16 + int(row["prompt_row"]) % 16]
            short.write(f"{row['prompt_row']},{row['genre']},{len(ids)},{' '.join(ids)}\n")


def held(process):
    """KB of memory, descriptors."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return memory, len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))


class SoakTest(LiveCase):
    devices = DEVICES

    def start_device(self, number, port):
        words = ["testbed", "device", "--scenario", self.folder / "scenario.toml", "--model", MODEL, "--keys",
                 self.keys / f"device-{number}", "--files", self.folder / f"part-{number}", "--prompts",
                 self.folder / "prompts.csv", "--device", number, "--unpaced"]
        device = self.stack.enter_context(Program(BIN / "hat-live", *words))
        device.hear("^ready ", device.out)
        device.say(f"start {time.monotonic_ns()} 127.0.0.1:{port}")
        return device

    @staticmethod
    def ended(devices):
        return sum(int(([line for line in device.out[-3:] if line.startswith("ended ")] or ["ended 0"])[-1].split()[1])
                   for device in devices)

    def test_nothing_grows(self):
        write_short_prompts(self.folder / "prompts.csv")
        (self.folder / "scenario.toml").write_text(SCENARIO % {"devices": DEVICES, "requests": REQUESTS})
        cloud = self.cloud("--wire-dtype", "fp16")
        idle = held(cloud)
        devices = [self.start_device(number, cloud.port) for number in range(DEVICES)]
        self.assertTrue(eventually(lambda: self.ended(devices) >= REQUESTS // 10, 3600))
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:devices_connected"] == DEVICES))
        early = held(cloud)
        self.assertTrue(eventually(lambda: all("done" in device.out[-3:] for device in devices), 36_000))
        self.assertEqual(self.ended(devices), REQUESTS)
        self.expect_floor(cloud)
        late = held(cloud)
        self.assertEqual(cloud.metrics()["hat:admitted_sessions_total"], REQUESTS)
        for device in devices:
            device.say("stop")
            device.hear("^written$", device.out)
            self.assertEqual(device.end(), 0, device.err)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:devices_connected"] == 0))
        self.assertTrue(eventually(lambda: held(cloud)[1] <= idle[1] + 1), (idle, held(cloud)))
        gone = held(cloud)
        print(f"cloud: idle {idle}, after {REQUESTS // 10} requests {early}, after {REQUESTS} {late}, devices gone "
              f"{gone} (KB, descriptors)", file=sys.stderr)
        self.assertLessEqual(late[1], early[1] + 1)
        self.assertLess(late[0], early[0] + GROWTH_KB)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--devices", type=int, default=DEVICES)
    options, rest = parser.parse_known_args()
    REQUESTS, SoakTest.devices, DEVICES = options.requests, options.devices, options.devices
    unittest.main(argv=sys.argv[:1] + rest)
