#!/usr/bin/env python3
"""Devices that are killed or stand still: the cloud holds nothing of them afterwards, and nobody else notices."""
import signal
import unittest

from live_case import FOREVER, LONG_PROMPT, MANY, PROMPTS, LiveCase, eventually


class VanishTest(LiveCase):
    def others(self, cloud):
        """Two devices that answer meanwhile."""
        return [self.device(number, cloud, prompt=PROMPTS[number], tokens=150) for number in (1, 2)]

    def expect_only_the_others(self, cloud, others):
        for other in others:
            self.expect_whole(other)
        self.expect_floor(cloud)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:devices_connected"] == 0))
        self.assertEqual([line for line in cloud.err if "batch failed" in line or "refused" in line], [])

    def test_a_device_is_killed_in_its_prefill(self):
        cloud = self.cloud()
        link = self.link(cloud)
        link.up_limit = 100_000  # of a prompt of 0.9 MB
        others = self.others(cloud)
        victim = self.device(0, link, prompt=LONG_PROMPT)
        self.assertTrue(eventually(lambda: link.up >= link.up_limit))
        self.assertTrue(eventually(lambda: not cloud.holds_nothing()))
        victim.kill()
        self.expect_only_the_others(cloud, others)

    def test_a_device_is_killed_in_its_decoding(self):
        cloud = self.cloud()
        victim = self.device(0, cloud, tokens=FOREVER)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:verified_tokens_total"] > 50))
        others = self.others(cloud)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:admitted_sessions_total"] > 1))
        victim.kill()
        self.expect_only_the_others(cloud, others)

    def test_a_device_is_killed_while_it_drafts_ahead(self):
        cloud = self.cloud()
        link = self.link(cloud)
        link.delay_s = 0.02  # it drafts ahead all the while
        others = self.others(cloud)
        victim = self.device(0, link, tokens=FOREVER)
        self.assertTrue(eventually(lambda: link.down > 20_000))
        victim.kill()
        self.expect_only_the_others(cloud, others)

    def test_a_killed_device_comes_back_at_once(self):
        cloud = self.cloud()
        for _ in range(3):
            victim = self.device(0, cloud, tokens=FOREVER)
            self.assertTrue(eventually(lambda: not cloud.holds_nothing()))
            victim.kill()
        self.expect_whole(self.device(0, cloud))
        self.expect_floor(cloud)

    def test_a_device_that_stands_still_is_ended_and_goes_on_when_it_wakes(self):
        cloud = self.cloud("--silence-s", 1)
        still = self.device(0, cloud, "--heartbeat-s", 0.3, tokens=MANY)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:verified_tokens_total"] > 50))
        still.send_signal(signal.SIGSTOP)
        others = self.others(cloud)
        cloud.hear("device 0 has gone: nothing came for 1 s", cloud.err)
        self.expect_only_the_others(cloud, others)
        still.send_signal(signal.SIGCONT)
        self.expect_whole(still)
        self.expect_floor(cloud)

    def test_a_session_from_which_nothing_comes_is_ended(self):
        cloud = self.cloud("--idle-s", 1, "--silence-s", 60)
        link = self.link(cloud)
        others = self.others(cloud)
        idle = self.device(0, link, "--retries", 0, prompt=LONG_PROMPT)
        link.up_limit = 100_000
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:kv_cache_tokens"] > 1500))
        for other in others:
            self.expect_whole(other)
        self.expect_floor(cloud)
        link.up_limit = None
        self.assertIn("the cloud has ended the session: nothing came for too long", idle.reason())


if __name__ == "__main__":
    unittest.main()
