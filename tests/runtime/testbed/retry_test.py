#!/usr/bin/env python3
"""A cloud that is killed and started again, links that are cut: requests go on over another stream, with the whole
model's tokens, or fail with a reason."""
import signal
import time
import unittest

from live_case import FOREVER, LONG_PROMPT, MANY, PROMPTS, LiveCase, eventually, free_port


class RetryTest(LiveCase):
    def test_the_cloud_is_killed_and_started_again(self):
        port = free_port()
        first = self.cloud(port=port)
        devices = [self.device(number, first, prompt=PROMPTS[number], tokens=MANY) for number in range(3)]
        self.assertTrue(eventually(lambda: first.metrics()["hat:verified_tokens_total"] > 200))
        first.kill()
        first.end()
        second = self.cloud(port=port)
        for device in devices:
            self.expect_whole(device)
        self.expect_floor(second)
        # What was known was prefilled again: more than the prompts.
        prompts = sum(prompt.count(",") + 1 for prompt in PROMPTS[:3])
        self.assertGreater(second.metrics()["vllm:prompt_tokens_total"], prompts)

    def test_the_text_goes_on_where_it_was(self):
        port = free_port()
        first = self.cloud(port=port)
        shown = self.device(0, first, tokens=MANY, says_text=True)
        self.assertTrue(eventually(lambda: first.metrics()["hat:verified_tokens_total"] > 50))
        first.kill()
        first.end()
        second = self.cloud(port=port)
        plain = self.device(1, second, tokens=MANY, says_text=True)
        self.assertEqual((shown.end(), plain.end()), (0, 0), shown.err)
        self.assertEqual(shown.out, plain.out)

    def test_no_cloud_comes_back(self):
        cloud = self.cloud()
        device = self.device(0, cloud, "--reconnect-s", 1, tokens=FOREVER)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:verified_tokens_total"] > 50))
        cloud.kill()
        self.assertRegex(device.reason(), "the stream to the cloud has ended: .*; no other one within 1 s: no cloud")

    def test_without_retries_a_request_fails_with_its_stream(self):
        cloud = self.cloud()
        device = self.device(0, cloud, "--retries", 0, tokens=FOREVER)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:verified_tokens_total"] > 50))
        cloud.kill()
        self.assertIn("the stream to the cloud has ended", device.reason())

    def test_connections_are_cut(self):
        cloud = self.cloud()
        link = self.link(cloud)
        other = self.device(1, cloud, tokens=150)
        device = self.device(0, link, tokens=MANY)
        for _ in range(2):
            passed = link.down
            self.assertTrue(eventually(lambda: link.down > passed + 20_000))
            link.cut()
        self.expect_whole(device)
        self.expect_whole(other)
        self.expect_floor(cloud)

    def test_a_connection_is_cut_before_its_stream_begins(self):
        cloud = self.cloud()
        links, devices = [], []
        for number, down in enumerate((700, 2100, 3500, 4900)):  # TLS, then HTTP/2, then the welcome
            links.append(self.link(cloud))
            links[-1].cut_at = down
            devices.append(self.device(number, links[-1]))
        for link, device in zip(links, devices):
            self.expect_whole(device)
            self.assertGreater(len(link.pairs), 1)
        self.expect_floor(cloud)

    def test_a_link_is_cut_for_a_second(self):
        cloud = self.cloud()
        link = self.link(cloud)
        device = self.device(0, link, prompt=LONG_PROMPT, tokens=100)
        self.assertTrue(eventually(lambda: link.up > 100_000))
        link.is_stopped = True
        time.sleep(1)
        link.is_stopped = False
        self.expect_whole(device)
        self.expect_floor(cloud)

    def test_links_are_cut_for_ten_seconds(self):
        cloud = self.cloud()
        links = [self.link(cloud), self.link(cloud)]
        patient = self.device(0, links[0], tokens=MANY)
        hasty = self.device(1, links[1], "--heartbeat-s", 1, tokens=MANY)  # gives its stream up
        for link in links:
            self.assertTrue(eventually(lambda link=link: link.down > 20_000))
            link.is_stopped = True
        time.sleep(10)
        for link in links:
            link.is_stopped = False
        self.expect_whole(patient)
        self.expect_whole(hasty)
        self.assertEqual(len(links[0].pairs), 1)
        self.assertGreater(len(links[1].pairs), 1)
        self.expect_floor(cloud)

    def test_a_link_is_cut_for_good(self):
        cloud = self.cloud("--silence-s", 1.5)
        link = self.link(cloud)
        other = self.device(1, cloud, tokens=150)
        device = self.device(0, link, "--heartbeat-s", 0.4, "--reconnect-s", 1, tokens=FOREVER)
        self.assertTrue(eventually(lambda: link.up > 20_000))
        link.is_stopped = True
        self.assertRegex(device.reason(),
                         r"the stream to the cloud has ended: nothing came from the cloud for 1\.2 s; no other one")
        cloud.hear("device 0 has gone: nothing came for 1.5 s", cloud.err)
        self.expect_whole(other)
        self.expect_floor(cloud)

    def test_the_cloud_stands_still(self):
        cloud = self.cloud("--silence-s", 1.5)
        device = self.device(0, cloud, "--heartbeat-s", 0.4, tokens=MANY)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:verified_tokens_total"] > 50))
        cloud.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        cloud.send_signal(signal.SIGCONT)
        self.expect_whole(device)
        self.expect_floor(cloud)

    def test_another_program_with_its_keys_takes_a_devices_place(self):
        cloud = self.cloud()
        first = self.device(0, cloud, tokens=FOREVER)
        self.assertTrue(eventually(lambda: cloud.metrics()["hat:verified_tokens_total"] > 50))
        second = self.device(0, cloud)
        self.assertIn("the device has opened another stream", first.reason())
        self.expect_whole(second)
        self.expect_floor(cloud)


if __name__ == "__main__":
    unittest.main()
