#!/usr/bin/env python3
"""Holds models/chat/render.py against what transformers makes of the same conversations, and the templates that
ship against the forms that their models were taught."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHAT = ROOT / "models/chat"
GOLDEN = json.loads((ROOT / "tests/data/chat/golden.json").read_text())


def rendered(template, conversations, tokens):
    with tempfile.TemporaryDirectory(prefix="hat-chat-") as name:
        folder = pathlib.Path(name)
        (folder / "request.json").write_text(json.dumps(
            {"template": template, "conversations": conversations, "tokens": tokens}))
        run = subprocess.run([sys.executable, "-B", CHAT / "render.py", folder / "request.json", folder / "prompts.json"],
                             capture_output=True, text=True)
        if run.returncode:
            raise AssertionError(run.stderr)
        return json.loads((folder / "prompts.json").read_text())


def shipped(name, user):
    template = (CHAT / f"{name}.jinja").read_text()
    return rendered(template, [[{"role": "user", "content": user}]],
                    {"bos_token": "<s>" if name != "llama-3" else "<|begin_of_text|>", "eos_token": "</s>"})[0]


class ChatTest(unittest.TestCase):
    def test_prompts_are_those_of_transformers(self):
        for case in GOLDEN["templates"]:
            template = case["template"] or (CHAT / f"{case['name']}.jinja").read_text()
            with self.subTest(case["name"]):
                self.assertEqual(rendered(template, GOLDEN["conversations"], GOLDEN["tokens"]), case["prompts"])

    def test_every_template_that_ships_is_measured(self):
        names = {case["name"] for case in GOLDEN["templates"] if case["template"] is None}
        self.assertEqual(names, {path.stem for path in CHAT.glob("*.jinja")})

    def test_shipped_templates_are_what_the_models_were_taught(self):
        self.assertEqual(shipped("chatml", "Hi"), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
        self.assertEqual(shipped("llama-2", "Hi"), "<s>[INST] Hi [/INST]")
        self.assertEqual(shipped("llama-3", "Hi"),
                         "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                         "<|start_header_id|>assistant<|end_header_id|>\n\n")
        self.assertEqual(shipped("vicuna", "Hi"),
                         "<s>A chat between a curious user and an artificial intelligence assistant. The assistant gives "
                         "helpful, detailed, and polite answers to the user's questions. USER: Hi ASSISTANT:")


if __name__ == "__main__":
    unittest.main()
